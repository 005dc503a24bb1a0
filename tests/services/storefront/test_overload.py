"""What a shopper sees when the storefront has no time: the same page as for any other overload."""

import asyncio
import re

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from app.request.admission import Overloaded
from app.request.problems import problem_response
from app.request.shedding import Refusals
from services.storefront.main import build, error_page
from services.storefront.web.compression import CompressedPages
from services.storefront.web.error_pages import ErrorPages, OverloadPages
from services.storefront.web.security_headers import SecurityHeaders, security_headers
from tests.services.storefront.browser import PAGE_HEADERS
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams
from tests.support.asgi import running

REFERENCE = re.compile(r'<p class="small quiet">Reference <code>.*?</code></p>')
VARYING = ("content-length", "x-request-id")
RENDER = error_page().render


async def overloaded(scope: Scope, receive: Receive, send: Send) -> None:
    await problem_response(Overloaded())(scope, receive, send)


async def in_advance(scope: Scope, _: Receive, send: Send) -> None:
    refusals = Refusals(headers=security_headers(https=True), page_for=OverloadPages(RENDER))
    lines, body = refusals.response(scope, dict(scope["headers"]), request_id=b"r1")
    await send({"type": "http.response.start", "status": 503, "headers": lines})
    await send({"type": "http.response.body", "body": body})


def with_layers() -> CompressedPages:
    return CompressedPages(SecurityHeaders(ErrorPages(overloaded, render=RENDER), https=True))


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_the_page_made_in_advance_is_that_of_the_layers(method: str, encoding: str) -> None:
    headers = PAGE_HEADERS | {"accept-encoding": encoding}
    responses = []
    for app in (in_advance, with_layers()):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop") as client:
            responses.append(await client.request(method, "/cart", headers=headers))
    early, late = responses
    assert REFERENCE.sub("", late.text) == early.text
    for response in responses:
        for name in VARYING:
            response.headers.pop(name, None)
    assert dict(early.headers) == dict(late.headers)


async def test_a_browser_gets_a_page_and_a_program_the_problem(upstreams: FakeUpstreams) -> None:
    app = build(settings(max_in_flight=1, max_queued=0), transports=upstreams.transports)
    async with running(app) as client:
        paths = ["/"] * 8
        pages = await asyncio.gather(*(client.get(path, headers=PAGE_HEADERS) for path in paths))
        calls = await asyncio.gather(*map(client.get, paths))
    page = next(page for page in pages if page.status_code == 503)
    assert "We are out of breath." in page.text
    assert page.headers["retry-after"] == "1"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    refused = next(call for call in calls if call.status_code == 503)
    assert refused.json()["type"] == "urn:cartwheel:problem:overloaded"

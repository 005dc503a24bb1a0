"""The services' APIs for programs."""

import json

import httpx2
import pytest

from services.storefront.main import build
from tests.services.storefront.browser import Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem
from tests.support.asgi import running
from tests.support.network import FakeNetwork


async def test_a_program_can_do_what_the_pages_do(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    client = browser.client
    token = (await client.post("/api/user/v1/guests")).json()["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    added = await client.post(
        "/api/cart/v1/cart/items", json={"sku": "BIKE-1", "quantity": 2}, headers=bearer
    )
    assert added.json()["lines"] == [{"sku": "BIKE-1", "quantity": 2}]
    assert (await client.get("/api/cart/v1/cart", headers=bearer)).json()["lines"]
    found = await client.post("/api/products/v1/products:lookup", json={"skus": ["BIKE-1"]})
    assert found.json()["items"][0]["sku"] == "BIKE-1"
    listed = await client.get("/api/products/v1/products?limit=1&q=long")
    assert [one["sku"] for one in listed.json()["items"]] == ["SKATE-1"]


async def test_refusals_pass_through_as_they_are(browser: Browser) -> None:
    response = await browser.client.get("/api/cart/v1/cart", headers={"accept": "text/html"})
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"


async def test_what_concerns_one_hop_or_only_us_is_left_behind(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.client.get(
        "/api/products/v1/products?limit=1",
        headers={
            "cookie": "cartwheel_access=secret",
            "x-service-token": "guess",
            "x-forwarded-for": "6.6.6.6",
            "x-forwarded-host": "evil.example",
            "connection": "keep-alive",
            "te": "trailers",
            "accept-language": "de",
        },
    )
    (request,) = upstreams.requests_to("GET", "/v1/products")
    assert request.headers["accept-language"] == "de"
    for name in ("cookie", "x-service-token", "x-forwarded-for", "x-forwarded-host", "te"):
        assert name not in request.headers


@pytest.mark.fault(83)
@pytest.mark.parametrize(
    "path", ["/v1/deletions", "/v1/%64eletions", "/v1//deletions", "/v1/guests/../deletions"]
)
async def test_a_stranger_cannot_ask_what_only_services_may(
    browser: Browser, upstreams: FakeUpstreams, path: str
) -> None:
    await browser.client.get(f"/api/user{path}")
    assert all("x-service-token" not in request.headers for request in upstreams.requests)


@pytest.mark.fault(64)
async def test_nobody_can_pretend_to_come_from_elsewhere(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.client.post("/api/user/v1/guests", headers={"x-forwarded-for": "6.6.6.6"})
    (request,) = upstreams.requests_to("POST", "/v1/guests")
    assert request.headers["x-forwarded-for"] == "127.0.0.1"


async def test_cookies_of_a_browser_are_no_key_to_the_api(browser: Browser) -> None:
    await browser.add("BIKE-1")
    assert (await browser.client.get("/api/cart/v1/cart")).status_code == 401


async def test_responses_bring_no_cookies_and_one_request_id(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    headers = {"set-cookie": "a=b", "x-request-id": "theirs", "connection": "close", "etag": '"1"'}
    upstreams.responses["products"] = lambda _: httpx2.Response(200, json={}, headers=headers)
    response = await browser.client.get("/api/products/v1/products")
    assert response.headers["etag"] == '"1"'
    assert "set-cookie" not in response.headers
    assert "connection" not in response.headers
    assert len(response.headers.get_list("x-request-id")) == 1


async def test_the_documentation_of_each_service_is_linked_and_keeps_its_policy(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
    developers = (await browser.open("/docs")).html
    for service in ("products", "cart", "user", "tracking"):
        upstreams.responses[service] = lambda _: httpx2.Response(200, text="<h1>", headers=headers)
        assert f'href="/api/{service}/docs"' in developers
        response = await browser.client.get(f"/api/{service}/docs", headers={"accept": "text/html"})
        assert (response.status_code, response.text) == (200, "<h1>")
        assert response.headers["content-security-policy"] == policy
        assert upstreams.requests[-1].url.path == "/docs"


@pytest.mark.parametrize(
    "path",
    [
        "/api/cart/docs/x",
        "/api/cart/metrics",
        "/api/cart/v1/../metrics",
        "/api/cart/v1/%2e%2e/metrics",
        "/api/cart/v1/%2E%2e/%2e%2e/readyz",
        "/api/cart/livez",
        "/api/cart/v1",
        "/api/cart/",
    ],
)
async def test_only_the_public_api_is_to_be_had(
    browser: Browser, upstreams: FakeUpstreams, path: str
) -> None:
    request = browser.client.build_request("GET", "/api/cart/")
    request.url = request.url.copy_with(raw_path=path.encode())
    assert (await browser.client.send(request)).status_code == 404
    assert upstreams.requests == []


async def test_a_service_there_is_not_is_a_problem(browser: Browser) -> None:
    response = await browser.client.get("/api/nobody/v1/things")
    assert response.status_code in (404, 422)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_slash_that_was_encoded_stays_encoded(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.client.get("/api/tracking/v1/orders/a%2Fb")
    assert upstreams.requests[-1].url.raw_path == b"/v1/orders/a%2Fb"


@pytest.mark.parametrize("body", [b'{"sku": NaN}', b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"{"])
async def test_a_body_that_is_not_json_ends_here(
    browser: Browser, upstreams: FakeUpstreams, body: bytes
) -> None:
    response = await browser.client.post(
        "/api/cart/v1/cart/items", content=body, headers={"content-type": "application/json"}
    )
    assert response.status_code == 400
    assert upstreams.requests == []


async def test_an_upstream_that_is_down_is_a_503_problem_that_says_when_to_come_back(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.down.add("cart")
    response = await browser.client.get("/api/cart/v1/cart")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) >= 1


async def test_events_are_streamed_and_resumed(browser: Browser, upstreams: FakeUpstreams) -> None:
    def stream(request: httpx2.Request) -> httpx2.Response:
        since = request.headers.get("last-event-id", "0")
        return httpx2.Response(
            200,
            text=f"id: 2\ndata: {json.dumps(since)}\n\n",
            headers={"content-type": "text/event-stream; charset=utf-8"},
        )

    upstreams.responses["tracking"] = stream
    response = await browser.client.get(
        "/api/tracking/v1/orders/order-0001/events",
        headers={"accept": "text/event-stream", "last-event-id": "1"},
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text == 'id: 2\ndata: "1"\n\n'


async def test_events_are_streamed_to_a_caller_who_names_no_media_type(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.responses["tracking"] = lambda request: httpx2.Response(
        200,
        text=f"data: {request.headers['accept']}\n\n",
        headers={"content-type": "text/event-stream"},
    )
    response = await browser.client.get(
        "/api/tracking/v1/orders/order-0001/events", headers={"accept": "*/*"}
    )
    assert response.text == "data: text/event-stream\n\n"


async def test_a_refused_stream_is_the_refusal(browser: Browser, upstreams: FakeUpstreams) -> None:
    upstreams.responses["tracking"] = lambda _: problem(404, "not-found")
    response = await browser.client.get(
        "/api/tracking/v1/orders/order-0001/events", headers={"accept": "text/event-stream"}
    )
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/problem+json")


class _Cut(httpx2.AsyncByteStream):
    """A body that stops half-way."""

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        yield b'{"lines": ['
        raise httpx2.ReadError("reset")


@pytest.mark.fault(20)
async def test_half_a_response_is_never_forwarded_as_a_whole_one(upstreams: FakeUpstreams) -> None:
    def cut(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "application/json"}, stream=_Cut())

    transports = upstreams.transports | {"cart": FakeNetwork(cut)}
    async with running(build(settings(), transports=transports)) as client:
        response = await client.get("/api/cart/v1/cart")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_openapi_document_names_the_proxies(browser: Browser) -> None:
    paths = (await browser.client.get("/openapi.json")).json()["paths"]
    assert list(paths) == ["/api/{service}/{path}"]
    assert {"get", "post", "put", "patch", "delete"} <= set(paths["/api/{service}/{path}"])

"""Who may use the console, asked over a real socket with the headers that browsers send."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.console.console_server import TOKEN, Console, serving_console
from tests.support.raw_http import RawConnection, RawResponse

Headers = dict[str, str]
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
FETCH = {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}


class Switch:
    """A part with something to change."""

    @property
    def routes(self) -> Sequence[Route]:
        return [Route("/api/switch", self._change, methods=["GET", "PUT", "POST", "DELETE"])]

    async def run(self) -> None:
        return None

    async def _change(self, _: Request) -> Response:
        return JSONResponse({"on": True})


@pytest.fixture(scope="module")
async def console() -> AsyncIterator[Console]:
    async with serving_console([Switch()]) as running:
        yield running


async def request(console: Console, method: str, path: str, headers: Headers) -> RawResponse:
    """Send exactly these headers; the Host is the console's own unless it is among them."""
    sent = {"host": f"127.0.0.1:{console.port}", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    async with await RawConnection.open(console.url) as connection:
        await connection.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())
        return await connection.read_response(to_head=method == "HEAD")


def own_origin(console: Console) -> str:
    return f"http://127.0.0.1:{console.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_a_name_of_loopback_is_served(console: Console, host: str) -> None:
    response = await request(console, "GET", "/", {"host": f"{host}:{console.port}"})

    assert response.status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:{port}", "localhost", "127.0.0.1:1", "localhost.evil.example:{port}", ""],
)
@pytest.mark.parametrize("path", ["/", "/static/js/main.js", "/api/session", "/api/stream"])
async def test_another_host_is_refused_by_name_of_the_right_one(
    console: Console, host: str, path: str
) -> None:
    response = await request(console, "GET", path, {"host": host.format(port=console.port)})

    assert response.status == 421
    assert f"127.0.0.1:{console.port}" in response.json()["detail"]


async def test_a_second_host_is_refused(console: Console) -> None:
    own = f"127.0.0.1:{console.port}"
    response = await request(console, "GET", "/", {"host": own, "Host": "evil.example"})

    assert response.status in (400, 421)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_the_page_changes_things_with_the_token(console: Console, method: str) -> None:
    origin = {"origin": own_origin(console), "sec-fetch-site": "same-origin", **FETCH}
    response = await request(console, method, "/api/switch", {**origin, **console.token})

    assert response.status == 200


async def test_a_command_line_needs_only_the_token(console: Console) -> None:
    response = await request(console, "PUT", "/api/switch", console.token)

    assert response.status == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü"],
)
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_without_the_token_nothing_changes(
    console: Console, method: str, authorization: str | None
) -> None:
    headers = {"authorization": authorization} if authorization is not None else {}
    response = await request(console, method, "/api/switch", headers)

    assert response.status == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "cartwheel status" in response.json()["detail"]


@pytest.mark.parametrize(
    "origin",
    ["null", "http://evil.example", "https://127.0.0.1:{port}", "http://localhost:{port}", ""],
)
async def test_another_origin_changes_nothing_even_with_the_token(
    console: Console, origin: str
) -> None:
    headers = {"origin": origin.format(port=console.port), **console.token}
    response = await request(console, "PUT", "/api/switch", headers)

    assert response.status == 403
    assert response.json()["title"] == "Wrong origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_what_another_site_causes_is_refused(
    console: Console, method: str, site: str
) -> None:
    headers = {"sec-fetch-site": site, **FETCH, **console.token}
    response = await request(console, method, "/api/switch", headers)

    assert response.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_link_elsewhere_may_lead_to_the_page(console: Console, site: str) -> None:
    response = await request(console, "GET", "/", {"sec-fetch-site": site, **NAVIGATION})

    assert response.status == 200


async def test_another_site_may_not_frame_the_page(console: Console) -> None:
    frame = {"sec-fetch-site": "cross-site", **NAVIGATION, "sec-fetch-dest": "iframe"}
    refused = await request(console, "GET", "/", frame)
    page = await request(console, "GET", "/", {})

    assert refused.status == 403
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_a_preflight_of_another_site_gets_no_permission(console: Console) -> None:
    headers = {"origin": "http://evil.example", "access-control-request-method": "PUT"}
    response = await request(console, "OPTIONS", "/api/switch", headers)

    assert response.status == 403
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("has_token", [True, False])
async def test_a_method_that_nothing_has_is_a_problem(
    console: Console, method: str, has_token: bool
) -> None:
    headers = console.token if has_token else {}
    response = await request(console, method, "/api/switch", headers)

    assert response.status == 405
    assert "PUT" in response.headers["allow"]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["title"] == "Method Not Allowed"


async def test_what_is_no_http_is_a_problem(console: Console) -> None:
    response = await request(console, "FOO", "/api/switch", {})

    assert response.status == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json()["title"] == "Bad Request"


@pytest.mark.parametrize("path", ["/", "/static/js/main.js", "/api/session", "/no-such-page"])
async def test_each_response_tells_the_browser_to_be_strict(console: Console, path: str) -> None:
    headers = (await request(console, "GET", path, {})).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in headers if name.startswith("access-control")]
    assert "server" not in headers


async def test_no_response_contains_the_token(console: Console) -> None:
    bodies = [
        (await request(console, "GET", path, {})).body for path in ("/", "/api/session", "/no")
    ]

    assert json.dumps(TOKEN).encode() not in b"".join(bodies)

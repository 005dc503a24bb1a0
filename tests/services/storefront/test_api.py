"""The neighbours' APIs for programs."""

import json

import httpx2
import pytest

from services.storefront.main import build
from tests.services.storefront.browser import Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.neighbours import Neighbours, problem
from tests.support.asgi import running


async def test_a_program_can_do_what_the_pages_do(browser: Browser, world: Neighbours) -> None:
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
    answer = await browser.client.get("/api/cart/v1/cart", headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_concerns_one_hop_or_only_us_is_left_behind(
    browser: Browser, world: Neighbours
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
    (asked,) = world.asked_for("GET", "/v1/products")
    assert asked.headers["accept-language"] == "de"
    for name in ("cookie", "x-service-token", "x-forwarded-for", "x-forwarded-host", "te"):
        assert name not in asked.headers


@pytest.mark.parametrize(
    "path", ["/v1/deletions", "/v1/%64eletions", "/v1//deletions", "/v1/guests/../deletions"]
)
async def test_a_stranger_cannot_ask_what_only_services_may(
    browser: Browser, world: Neighbours, path: str
) -> None:
    await browser.client.get(f"/api/user{path}")
    assert all("x-service-token" not in asked.headers for asked in world.asked)


async def test_nobody_can_pretend_to_come_from_elsewhere(
    browser: Browser, world: Neighbours
) -> None:
    await browser.client.post("/api/user/v1/guests", headers={"x-forwarded-for": "6.6.6.6"})
    (asked,) = world.asked_for("POST", "/v1/guests")
    assert asked.headers["x-forwarded-for"] == "127.0.0.1"


async def test_cookies_of_a_browser_are_no_key_to_the_api(browser: Browser) -> None:
    await browser.add("BIKE-1")
    assert (await browser.client.get("/api/cart/v1/cart")).status_code == 401


async def test_answers_bring_no_cookies_and_one_request_id(
    browser: Browser, world: Neighbours
) -> None:
    headers = {"set-cookie": "a=b", "x-request-id": "theirs", "connection": "close", "etag": '"1"'}
    world.answers["products"] = lambda _: httpx2.Response(200, json={}, headers=headers)
    answer = await browser.client.get("/api/products/v1/products")
    assert answer.headers["etag"] == '"1"'
    assert "set-cookie" not in answer.headers
    assert "connection" not in answer.headers
    assert len(answer.headers.get_list("x-request-id")) == 1


async def test_the_documentation_of_each_service_is_linked_and_keeps_its_policy(
    browser: Browser, world: Neighbours
) -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
    developers = (await browser.open("/docs")).html
    for service in ("products", "cart", "user", "tracking"):
        world.answers[service] = lambda _: httpx2.Response(200, text="<h1>", headers=headers)
        assert f'href="/api/{service}/docs"' in developers
        answer = await browser.client.get(f"/api/{service}/docs", headers={"accept": "text/html"})
        assert (answer.status_code, answer.text) == (200, "<h1>")
        assert answer.headers["content-security-policy"] == policy
        assert world.asked[-1].url.path == "/docs"


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
    browser: Browser, world: Neighbours, path: str
) -> None:
    request = browser.client.build_request("GET", "/api/cart/")
    request.url = request.url.copy_with(raw_path=path.encode())
    assert (await browser.client.send(request)).status_code == 404
    assert world.asked == []


async def test_a_service_there_is_not_is_a_problem(browser: Browser) -> None:
    answer = await browser.client.get("/api/nobody/v1/things")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_slash_that_was_encoded_stays_encoded(browser: Browser, world: Neighbours) -> None:
    await browser.client.get("/api/tracking/v1/orders/a%2Fb")
    assert world.asked[-1].url.raw_path == b"/v1/orders/a%2Fb"


@pytest.mark.parametrize("body", [b'{"sku": NaN}', b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"{"])
async def test_a_body_that_is_not_json_ends_here(
    browser: Browser, world: Neighbours, body: bytes
) -> None:
    answer = await browser.client.post(
        "/api/cart/v1/cart/items", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert world.asked == []


async def test_a_neighbour_that_is_down_is_a_503_problem_that_says_when_to_come_back(
    browser: Browser, world: Neighbours
) -> None:
    world.down.add("cart")
    answer = await browser.client.get("/api/cart/v1/cart")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1


async def test_events_are_streamed_and_resumed(browser: Browser, world: Neighbours) -> None:
    def stream(asked: httpx2.Request) -> httpx2.Response:
        since = asked.headers.get("last-event-id", "0")
        return httpx2.Response(
            200,
            text=f"id: 2\ndata: {json.dumps(since)}\n\n",
            headers={"content-type": "text/event-stream; charset=utf-8"},
        )

    world.answers["tracking"] = stream
    answer = await browser.client.get(
        "/api/tracking/v1/orders/order-0001/events",
        headers={"accept": "text/event-stream", "last-event-id": "1"},
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == 'id: 2\ndata: "1"\n\n'


async def test_events_are_streamed_to_a_caller_who_names_no_media_type(
    browser: Browser, world: Neighbours
) -> None:
    world.answers["tracking"] = lambda asked: httpx2.Response(
        200,
        text=f"data: {asked.headers['accept']}\n\n",
        headers={"content-type": "text/event-stream"},
    )
    answer = await browser.client.get(
        "/api/tracking/v1/orders/order-0001/events", headers={"accept": "*/*"}
    )
    assert answer.text == "data: text/event-stream\n\n"


async def test_a_refused_stream_is_the_refusal(browser: Browser, world: Neighbours) -> None:
    world.answers["tracking"] = lambda _: problem(404, "not-found")
    answer = await browser.client.get(
        "/api/tracking/v1/orders/order-0001/events", headers={"accept": "text/event-stream"}
    )
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


class _Cut(httpx2.AsyncByteStream):
    """A body that stops half-way."""

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        yield b'{"lines": ['
        raise httpx2.ReadError("reset")


async def test_half_an_answer_is_never_passed_on_as_a_whole_one(world: Neighbours) -> None:
    def cut(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "application/json"}, stream=_Cut())

    transports = world.transports | {"cart": httpx2.MockTransport(cut)}
    async with running(build(settings(), transports=transports)) as client:
        answer = await client.get("/api/cart/v1/cart")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_openapi_document_names_the_proxies(browser: Browser) -> None:
    paths = (await browser.client.get("/openapi.json")).json()["paths"]
    assert list(paths) == ["/api/{service}/{path}"]
    assert {"get", "post", "put", "patch", "delete"} <= set(paths["/api/{service}/{path}"])

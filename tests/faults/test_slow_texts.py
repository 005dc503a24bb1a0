"""Texts that are slow to match by careless patterns, and bodies that grow when they are read."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.telemetry.logs import redact
from tests.support.raw_http import send_raw
from tests.support.shop import Shop

pytestmark = [pytest.mark.quick, pytest.mark.xdist_group("input")]

ANSWERED_WITHIN = 3.0
"""Seconds, on a machine with much else to do; a pattern that is not linear takes far longer."""

SLOW_TEXTS = (
    "a" * 32_000,
    "a@" * 16_000,
    "a." * 16_000 + "!",
    "a@" + "b." * 16_000 + "!",
    "token" * 6_400,
    "passw token " * 2_500,
    "eyJ-" * 8_000 + ".",
    "://a:b" * 5_000,
    "bearer" + " " * 32_000,
    " " * 32_000 + "!",
    "\u0301" * 16_000,
    "((((" * 8_000,
)


@pytest.mark.fault(81)
@pytest.mark.parametrize("text", SLOW_TEXTS, ids=lambda text: text[:8])
def test_a_log_entry_with_a_strangers_text_is_written_quickly(text: str) -> None:
    started = time.perf_counter()
    redact(None, "info", {"event": "x", "reason": text})
    assert time.perf_counter() - started < ANSWERED_WITHIN


@pytest.mark.fault(81)
def test_no_text_takes_long_wherever_it_is_sent(shop: Shop, figure: Callable[..., None]) -> None:
    slowest = 0.0
    for text in SLOW_TEXTS:
        for service, method, path, content in _places(text):
            started = time.perf_counter()
            response = shop.request(service, method, path, **content)
            slowest = max(slowest, time.perf_counter() - started)
            assert response.status_code < 500, (service, path, response.text)
    figure(
        "{} texts of up to 32 KB in 6 places, at most {:.0f} ms", len(SLOW_TEXTS), slowest * 1000
    )
    assert slowest < ANSWERED_WITHIN


def _places(text: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    person = {"name": text, "email": text, "password": "a long secret word"}
    ascii_text = text.encode("ascii", "replace").decode().strip()
    form = {"content-type": "application/x-www-form-urlencoded"}
    yield "user", "POST", "/v1/users", {"json": person}
    yield "user", "POST", "/v1/sessions", {"json": {"email": text, "password": text}}
    yield "products", "GET", "/v1/products", {"params": {"q": text[:2000]}}
    yield "storefront", "GET", "/search", {"params": {"q": text[:2000]}}
    yield "storefront", "POST", "/login", {"headers": {**form, "origin": ascii_text}}
    yield "cart", "GET", "/v1/cart", {"headers": {"x-request-id": ascii_text}}


@pytest.mark.fault(81)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_a_compressed_body_is_refused_unread(shop: Shop, encoding: str) -> None:
    head = (
        "POST /v1/users HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: {encoding}\r\nContent-Length: 20\r\n\r\n"
    )
    response = await send_raw(shop.url("user"), head.encode() + b"\x1f\x8b" + b"\0" * 18)
    assert response.status == 415

"""The metrics of services that have had many different requests."""

import time
from collections.abc import Callable

import pytest

from tests.support.shop import SERVICES, Shop

pytestmark = [pytest.mark.quick, pytest.mark.xdist_group("input")]

ADDRESSES = 300
MAX_SERIES = 2000
SCRAPED_WITHIN = 0.1
SCRAPES = 7
"""The fastest counts, because the machine may be busy."""


@pytest.mark.fault(41)
@pytest.mark.parametrize("service", SERVICES)
def test_a_scrape_stays_short_and_quick_after_many_different_requests(
    shop: Shop, service: str, figure: Callable[..., None]
) -> None:
    for number in range(ADDRESSES):
        shop.request(service, "GET", f"/v1/products/SKU-{number}?q={number}")
    seconds, series = [], 0
    for _ in range(SCRAPES):
        started = time.perf_counter()
        text = shop.request(service, "GET", "/metrics").text
        seconds.append(time.perf_counter() - started)
        series = sum(not line.startswith("#") for line in text.splitlines())
    figure("{}: {:,} series in {:.0f} ms", service, series, 1000 * min(seconds))
    assert 0 < series < MAX_SERIES
    assert min(seconds) < SCRAPED_WITHIN

"""The acceptance test waits until the cart has scaled down before it puts load on it."""

from collections.abc import Iterator

import httpx2
import pytest

from loadtest.acceptance import (
    MIN_REPLICAS_QUERY,
    AcceptanceFailed,
    wait_until_scaled_down,
)
from loadtest.http_client import HttpClient
from tests.support.network import FakeNetwork


def prometheus(minimum: int | None, *running: int) -> HttpClient:
    """A fake Prometheus: each query counts the next number of `running`, then the last one."""
    counts = _then_the_last(running)

    def answer(request: httpx2.Request) -> httpx2.Response:
        number = minimum if request.url.params["query"] == MIN_REPLICAS_QUERY else next(counts)
        found = [] if number is None else [{"metric": {}, "value": [0, str(number)]}]
        return httpx2.Response(200, json={"status": "success", "data": {"result": found}})

    return HttpClient("http://prometheus", timeout=1, transport=FakeNetwork(answer))


def _then_the_last(numbers: tuple[int, ...]) -> Iterator[int]:
    yield from numbers
    while True:
        yield numbers[-1]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.acceptance.POLL_INTERVAL", 0.01)


async def test_it_waits_until_earlier_load_is_over() -> None:
    assert await wait_until_scaled_down(prometheus(2, 7, 4, 2)) == 2


async def test_without_an_autoscaler_there_is_nothing_to_wait_for() -> None:
    assert await wait_until_scaled_down(prometheus(None, 3)) == 3


async def test_load_that_does_not_end_fails_the_acceptance() -> None:
    with pytest.raises(AcceptanceFailed, match="the cart has 7 replicas and not 2"):
        await wait_until_scaled_down(prometheus(2, 7), within=0.05)


async def test_no_replica_of_the_cart_fails_the_acceptance() -> None:
    with pytest.raises(AcceptanceFailed, match="no replica"):
        await wait_until_scaled_down(prometheus(None, 0))

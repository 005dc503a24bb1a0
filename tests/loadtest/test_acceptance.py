"""What the acceptance asks of Prometheus before it puts on load."""

from collections.abc import Iterator

import httpx2
import pytest

from loadtest.acceptance import LEAST, NotAllRight, at_rest


def prometheus(least: int | None, *running: int) -> httpx2.AsyncClient:
    """Counts `running` replicas, one number a question, the last one for ever."""
    counts = _then_the_last(running)

    def answer(request: httpx2.Request) -> httpx2.Response:
        number = least if request.url.params["query"] == LEAST else next(counts)
        found = [] if number is None else [{"metric": {}, "value": [0, str(number)]}]
        return httpx2.Response(200, json={"status": "success", "data": {"result": found}})

    transport = httpx2.MockTransport(answer)
    return httpx2.AsyncClient(base_url="http://prometheus", transport=transport)


def _then_the_last(numbers: tuple[int, ...]) -> Iterator[int]:
    yield from numbers
    while True:
        yield numbers[-1]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.acceptance.POLL", 0.01)


async def test_a_load_before_is_waited_out() -> None:
    assert await at_rest(prometheus(2, 7, 4, 2)) == 2


async def test_without_an_autoscaler_there_is_nothing_to_wait_for() -> None:
    assert await at_rest(prometheus(None, 3)) == 3


async def test_a_load_that_does_not_end_is_said() -> None:
    with pytest.raises(NotAllRight, match="the cart has 7 replicas and not 2"):
        await at_rest(prometheus(2, 7), within=0.05)


async def test_no_cart_is_said() -> None:
    with pytest.raises(NotAllRight, match="no replica"):
        await at_rest(prometheus(None, 0))

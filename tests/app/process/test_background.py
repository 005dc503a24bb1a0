"""A background task that fails is logged and restarted, although nothing awaits it."""

import asyncio
import json

import pytest

from app.client.discovery import DnsEndpoints
from app.process.background import BackgroundTask, repeat, run_in_background
from app.settings import ServiceSettings, load
from app.stores.errors import StoreUnavailable
from app.stores.valkey import Valkey
from app.stores.valkey_connection import Connection
from app.telemetry.logs import configure_logging
from app.telemetry.metrics import Metrics
from tests.support.lost_errors import no_lost_errors
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def _logs() -> None:
    configure_logging(load(ServiceSettings), "small")


class Dying:
    """Work that dies of each of the errors in turn, and then goes on for ever."""

    def __init__(self, *errors: BaseException) -> None:
        self._errors = list(errors)
        self.begun = 0

    async def run(self) -> None:
        self.begun += 1
        if self._errors:
            raise self._errors.pop(0)
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [RuntimeError("what"), asyncio.CancelledError()])
async def test_a_task_that_fails_is_logged_and_started_again(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    dying = Dying(error)
    async with run_in_background(BackgroundTask("sweep", dying.run), restart_delay=0):
        await until(lambda: dying.begun == 2)
    (line,) = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert (event["event"], event["work"]) == ("background.died", "sweep")
    assert type(error).__name__ in event["exception"]


async def test_a_task_that_returns_is_not_started_again() -> None:
    begun: list[int] = []

    async def once() -> None:
        begun.append(1)

    async with run_in_background(BackgroundTask("once", once), restart_delay=0):
        await until(lambda: bool(begun))
        await asyncio.sleep(0)
    assert begun == [1]


async def test_a_repeated_task_goes_on_after_any_error() -> None:
    count = 0

    async def fail() -> None:
        nonlocal count
        count += 1
        raise asyncio.CancelledError if count == 1 else ValueError

    async with run_in_background(repeat(fail, every=0.001, name="fail"), restart_delay=0):
        await until(lambda: count >= 3)


@pytest.mark.parametrize("error", [StoreUnavailable("The store is busy."), ValueError("what")])
async def test_an_error_while_the_process_stops_is_logged_like_any_other(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await ended.wait()
        raise error

    with no_lost_errors():
        async with run_in_background(repeat(work, every=0.001, name="sweep")):
            await begun.wait()
            asyncio.get_running_loop().call_soon(ended.set)
    (line,) = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert (event["event"], event["work"]) == ("background.failed", "sweep")


async def test_the_end_of_the_block_stops_a_task_that_waits_for_its_restart() -> None:
    dying = Dying(RuntimeError())
    async with (
        asyncio.timeout(5),
        run_in_background(BackgroundTask("sweep", dying.run), restart_delay=3600),
    ):
        await until(lambda: dying.begun == 1)


async def test_a_name_is_resolved_again_after_an_unexpected_error() -> None:
    answers: list[list[str] | Exception] = [["10.0.0.1"], RuntimeError("what"), ["10.0.0.2"]]

    async def resolve(_: str, __: int) -> list[str]:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with DnsEndpoints("cart", 8000, resolver=resolve, interval=0.01) as name:
        await until(lambda: name.endpoints() == ("http://10.0.0.2:8000",))


async def test_calls_to_the_store_succeed_after_one_was_cancelled(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Valkey(valkey_url, metrics=Metrics("cart")) as valkey:
        open_connection = Connection.open

        async def cancelled(*_: object, **__: object) -> None:
            monkeypatch.setattr(Connection, "open", open_connection)
            raise asyncio.CancelledError

        monkeypatch.setattr(Connection, "open", cancelled)
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailable):
                await valkey.ping()
            await valkey.ping()

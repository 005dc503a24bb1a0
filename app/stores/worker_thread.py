"""A thread that makes calls one after the other, for a driver that blocks."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple


class _Call(NamedTuple):
    done: asyncio.Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class WorkerThread:
    """Starts at once, and ends with `stop` after the calls before it.

    A call that nobody waits for any more is made all the same, and the next one follows it.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        # A disk that hangs must not keep the process from ending.
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def call(self, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        """What ``function`` returns or raises."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.put(_Call(done, function, arguments))
        return done

    def stop(self) -> None:
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            _make(call)
            # Whatever it refers to is not kept until the next one comes.
            del call


def _make(call: _Call) -> None:
    finish: Callable[[asyncio.Future[Any], Any], None] = _set_result
    outcome: Any
    try:
        outcome = call.function(*call.arguments)
    except BaseException as error:
        finish, outcome = _set_exception, error
    # The loop may be closed by now.
    with suppress(RuntimeError):
        call.done.get_loop().call_soon_threadsafe(finish, call.done, outcome)


def _set_result(done: asyncio.Future[Any], result: Any) -> None:
    if not done.done():
        done.set_result(result)


def _set_exception(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)

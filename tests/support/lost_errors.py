"""Errors of tasks whose result is never read; the event loop reports them."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_lost_errors() -> Iterator[None]:
    """Fail if the block leaves a task behind whose error was never read."""
    lost: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: lost.append(context["message"]))
    try:
        yield
        gc.collect()  # a task reports its error when it is deleted
    finally:
        loop.set_exception_handler(None)
    assert lost == []

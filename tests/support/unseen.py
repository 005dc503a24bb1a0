"""What the event loop has to say about errors of tasks that nobody asked for their result."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_unseen() -> Iterator[None]:
    """Fail if the block leaves a task behind whose error nobody has seen."""
    unseen: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unseen.append(context["message"]))
    try:
        yield
        gc.collect()  # a task complains when it is thrown away
    finally:
        loop.set_exception_handler(None)
    assert unseen == []

"""A part of the console: routes of its own, and work in the background."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from starlette.routing import Route

from cartwheel.console.live import Live
from cartwheel.errors import describe_error
from cartwheel.local.retrying import is_being_cancelled

logger = logging.getLogger(__name__)

FIRST_RETRY_DELAY = 1.0
MAX_RETRY_DELAY = 30.0


class Part(Protocol):
    """What `create_app` serves and runs."""

    @property
    def routes(self) -> Sequence[Route]:
        """Its endpoints, with their whole paths."""
        ...

    async def run(self) -> None:
        """Work until it is cancelled; it may also return at once."""
        ...


async def keep_running(part: Part, live: Live) -> None:
    """Run a part until it is cancelled. When it fails, the page shows it, and it starts again."""
    name = type(part).__name__
    delay = FIRST_RETRY_DELAY
    while True:
        try:
            return await part.run()
        except Exception as error:
            if is_being_cancelled():
                return logger.exception("%s failed while it stopped", name)
            logger.exception("%s failed and starts again in %g s", name, delay)
            live.set_problem(
                name,
                f"A part of the console failed ({name}: {describe_error(error)}). "
                "It starts again by itself; the rest goes on.",
            )
        await asyncio.sleep(delay)
        delay = min(2 * delay, MAX_RETRY_DELAY)
        live.clear_problem(name)

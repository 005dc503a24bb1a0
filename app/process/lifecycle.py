"""Where a replica is in its life, for those who have to end in time."""

import asyncio


class Lifecycle:
    """Serving, then draining. Long answers (event streams) wait for the second to say goodbye."""

    def __init__(self) -> None:
        self._draining = asyncio.Event()

    @property
    def draining(self) -> bool:
        """True from the moment the process was asked to stop."""
        return self._draining.is_set()

    def start_draining(self) -> None:
        """Become unready and close connections with the next answer. Cannot be undone."""
        self._draining.set()

    async def wait_draining(self) -> None:
        """Return when draining begins; meant to be raced against the next event."""
        await self._draining.wait()

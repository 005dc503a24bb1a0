"""The lifecycle of a replica: it serves, then it drains."""

import asyncio


class Lifecycle:
    """Long responses (event streams) wait for draining, to end before they are cut."""

    def __init__(self) -> None:
        self._draining = asyncio.Event()

    @property
    def draining(self) -> bool:
        """True once the process was asked to stop."""
        return self._draining.is_set()

    def start_draining(self) -> None:
        """Become unready and close each connection after its next response. Cannot be undone."""
        self._draining.set()

    async def wait_draining(self) -> None:
        """Return when draining begins; meant to be raced against the next event."""
        await self._draining.wait()

"""Requests at a steady rate, however long they take."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import httpx2


class SteadyLoad:
    """What became of the requests that `send` made."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.seconds: list[float] = []

    async def run(
        self,
        send: Callable[[int], Awaitable[httpx2.Response]],
        *,
        rate: float,
        seconds: float,
    ) -> None:
        """Send so many a second, each with its number."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(seconds * rate)):
                tasks.create_task(self._observe(send(number)))
                await asyncio.sleep(started + (number + 1) / rate - time.monotonic())

    async def _observe(self, sending: Awaitable[httpx2.Response]) -> None:
        started = time.monotonic()
        response = await sending
        self.seconds.append(time.monotonic() - started)
        self.statuses.append(response.status_code)

    def share_of(self, status: int) -> float:
        return self.statuses.count(status) / len(self.statuses)

    @property
    def median(self) -> float:
        """In milliseconds."""
        return 1000 * statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return 1000 * sorted(self.seconds)[int(len(self.seconds) * 0.99)]

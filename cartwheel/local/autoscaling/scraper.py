"""Scrapes the `/metrics` of replicas, as Prometheus would."""

import asyncio
import time
from collections.abc import Callable, Sequence

from cartwheel.local.probe import send_bytes
from cartwheel.local.replica_process import Replica, State
from cartwheel.local.sockets import OWN_HOST
from cartwheel.promql import QueryError, SampleStore

REQUEST = f"GET /metrics HTTP/1.1\r\nHost: {OWN_HOST}\r\nConnection: close\r\n\r\n".encode()
MAX_METRICS_SIZE = 4 * 1024 * 1024
# A replica that starts or restarts has nothing to scrape yet; one that drains closes its port.
SCRAPED_STATES = (State.READY, State.NOT_READY)


class ScrapeError(Exception):
    """A replica could not be scraped; the message completes "the replica …"."""


class Scraper:
    """Scrapes all replicas of a service into a store.

    ``failures``: why the last scrape of a replica failed, by its name.
    """

    def __init__(
        self, store: SampleStore, *, timeout: float, now: Callable[[], float] = time.time
    ) -> None:
        self.failures: dict[str, str] = {}
        self._store = store
        self._timeout = timeout
        self._now = now
        self._targets: set[str] = set()

    async def measure(self, replicas: Sequence[Replica]) -> None:
        """Scrape all replicas at once. A replica that is gone is no target any more."""
        ports = _ports_of(replicas)
        for name in self._targets - ports.keys():
            self._store.remove_target({"instance": name}, self._now())
        self._targets = set(ports)
        self.failures = {}
        await asyncio.gather(*(self._scrape(name, port) for name, port in ports.items()))

    async def measure_new(self, replicas: Sequence[Replica]) -> None:
        """Scrape those that were never scraped, before they get requests.

        A rate counts from the first sample of a series: it misses what was counted before.
        """
        ports = _ports_of(replicas)
        new = ports.keys() - self._targets
        self._targets |= new
        await asyncio.gather(*(self._scrape(name, ports[name]) for name in new))

    async def _scrape(self, name: str, port: int) -> None:
        at = self._now()
        target = {"instance": name}
        try:
            self._store.add_scrape(target, at, await scrape(port, timeout=self._timeout))
        except (ScrapeError, QueryError) as error:
            self._store.add_failed_scrape(target, at)
            self.failures[name] = str(error)


async def scrape(port: int, *, timeout: float) -> bytes:
    """What a replica publishes at `/metrics`. Raises `ScrapeError`."""
    return _body_of(await send_bytes(port, REQUEST, timeout=timeout, max_size=MAX_METRICS_SIZE))


def _ports_of(replicas: Sequence[Replica]) -> dict[str, int]:
    return {one.name: one.port for one in replicas if one.state in SCRAPED_STATES and one.port}


def _body_of(response: bytes) -> bytes:
    """The body of a complete response. Raises `ScrapeError`."""
    head, _, body = response.partition(b"\r\n\r\n")
    if not head:
        raise ScrapeError("does not respond to a scrape")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        status = head.split(b"\r\n", 1)[0].decode(errors="replace")
        raise ScrapeError(f"responds to a scrape with {status}")
    if len(body) != _content_length(head):
        raise ScrapeError("returns incomplete metrics")
    return body


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None

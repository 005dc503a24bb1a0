"""Scrapes the `/metrics` of replicas, as Prometheus would."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.local.probe import send_bytes
from cartwheel.local.sockets import OWN_HOST
from cartwheel.promql import QueryError, SampleStore

REQUEST = f"GET /metrics HTTP/1.1\r\nHost: {OWN_HOST}\r\nConnection: close\r\n\r\n".encode()
MAX_METRICS_SIZE = 4 * 1024 * 1024


class ScrapeError(Exception):
    """A replica could not be scraped; the message completes "the replica …"."""


@dataclass(frozen=True)
class Target:
    """A replica. ``labels`` are those that its series get. Without a port its scrape fails."""

    name: str
    labels: Mapping[str, str]
    port: int | None


class Scraper:
    """Scrapes replicas into a store.

    ``failures``: why the last scrape of a replica failed, by its name. ``scraped_at`` is when the
    last scrape of all of them began: their samples have this time, however long they took.
    """

    def __init__(
        self, store: SampleStore, *, timeout: float, now: Callable[[], float] = time.time
    ) -> None:
        self.failures: dict[str, str] = {}
        self.scraped_at = 0.0
        self._store = store
        self._timeout = timeout
        self._now = now
        self._targets: dict[str, Target] = {}

    async def scrape(self, targets: Sequence[Target]) -> None:
        """Scrape all targets at once. One that is left out is no target any more."""
        self.scraped_at = self._now()
        listed = {target.name: target for target in targets}
        for name in self._targets.keys() - listed.keys():
            self._store.remove_target(self._targets[name].labels, self.scraped_at)
        self._targets = listed
        self.failures = {}
        await asyncio.gather(*(self._scrape(target, self.scraped_at) for target in targets))

    async def scrape_new(self, targets: Sequence[Target]) -> None:
        """Scrape those that were never scraped, before they get requests.

        A rate counts from the first sample of a series: it misses what was counted before.
        """
        new = [target for target in targets if target.name not in self._targets]
        self._targets |= {target.name: target for target in new}
        await asyncio.gather(*(self._scrape(target, self._now()) for target in new))

    async def _scrape(self, target: Target, at: float) -> None:
        try:
            if target.port is None:
                raise ScrapeError("has no port")
            text = await scrape(target.port, timeout=self._timeout)
            self._store.add_scrape(target.labels, at, text)
        except (ScrapeError, QueryError) as error:
            self._store.add_failed_scrape(target.labels, at)
            self.failures[target.name] = str(error)


async def scrape(port: int, *, timeout: float) -> bytes:
    """What a replica publishes at `/metrics`. Raises `ScrapeError`."""
    return _body_of(await send_bytes(port, REQUEST, timeout=timeout, max_size=MAX_METRICS_SIZE))


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

"""Where an upstream's replicas are: one address, a DNS name with many, or a file.

Reading the endpoints never waits: each kind keeps the last known ones, so that a failing resolver
or a half-written file does no harm.
"""

import asyncio
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from app.process.background import BackgroundTask, run_in_background
from app.telemetry.logs import get_logger

RESOLVE_INTERVAL = 1.0
MIN_RESOLVE_INTERVAL = 0.2
"""Seconds between two look-ups, however many calls request one."""
RESOLVE_TIMEOUT = 1.0
FILE_CHECK_INTERVAL = 0.1
"""Seconds between two checks whether an endpoints file has changed."""

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


class Discovery(Protocol):
    """Knows the base URLs (`http://host:port`) of an upstream's replicas."""

    def endpoints(self) -> tuple[str, ...]: ...

    def request_refresh(self) -> None:
        """Refresh soon: all known replicas refused, so the list may be old."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def discover(url: str) -> Discovery:
    """Choose by scheme: `http://host:port`, `dns+http://host:port` or `file:/path`.

    Raises `ValueError` for any other.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "http":
        return StaticEndpoint(url.rstrip("/"))
    if scheme == "file":
        return EndpointsFile(Path(rest.removeprefix("//")))
    if scheme == "dns+http":
        parts = urlsplit(url)
        return DnsEndpoints(parts.hostname or "", parts.port or 80)
    raise ValueError(f"an upstream URL starts with http:, dns+http: or file:, not {scheme}:")


class _NothingToOpen:
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class StaticEndpoint(_NothingToOpen):
    """One base URL, of one server or of a load balancer."""

    def __init__(self, url: str) -> None:
        self._endpoints = (url,)

    def endpoints(self) -> tuple[str, ...]:
        return self._endpoints

    def request_refresh(self) -> None:
        return None


class EndpointsFile(_NothingToOpen):
    """A list of targets in Prometheus' file_sd format, read again when the file changes."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._endpoints: tuple[str, ...] = ()
        self._checked_at = float("-inf")
        self._read_version: tuple[int, int, int] | None = None

    def endpoints(self) -> tuple[str, ...]:
        now = self._clock()
        if now - self._checked_at >= FILE_CHECK_INTERVAL:
            self._checked_at = now
            self._reload_if_changed()
        return self._endpoints

    def request_refresh(self) -> None:
        self._checked_at = float("-inf")

    def _reload_if_changed(self) -> None:
        # Blocking on purpose: a stat and a small local file take microseconds, a thread takes more.
        try:
            status = os.stat(self._path)
            version = (status.st_mtime_ns, status.st_ino, status.st_size)
            if version == self._read_version:
                return
            self._endpoints = _read_targets(self._path.read_bytes())
            self._read_version = version
        except (OSError, ValueError) as error:
            get_logger().debug("endpoints_file.not_read", path=str(self._path), reason=str(error))


def _read_targets(content: bytes) -> tuple[str, ...]:
    try:
        groups = json.loads(content)
        targets = [str(target) for group in groups for target in group["targets"]]
    except (TypeError, KeyError) as error:
        raise ValueError("not a list of {targets: [host:port]}") from error
    return tuple(dict.fromkeys(f"http://{target}" for target in targets))


async def resolve(host: str, port: int) -> Sequence[str]:
    """Look up all addresses of a host, IPv6 ones in brackets. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [
        f"[{address[0]}]" if family == socket.AF_INET6 else str(address[0])
        for family, _, _, _, address in found
    ]


class DnsEndpoints:
    """All addresses of a name (a headless Service), resolved again every second."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        resolver: Resolver = resolve,
        interval: float = RESOLVE_INTERVAL,
        timeout: float = RESOLVE_TIMEOUT,
    ) -> None:
        self._host = host
        self._port = port
        self._resolver = resolver
        self._interval = interval
        self._timeout = timeout
        self._endpoints: tuple[str, ...] = ()
        self._open = AsyncExitStack()
        self._refresh_requested = asyncio.Event()

    def endpoints(self) -> tuple[str, ...]:
        return self._endpoints

    def request_refresh(self) -> None:
        self._refresh_requested.set()

    async def refresh(self) -> None:
        """Resolve once, within the timeout; keep the known endpoints on failure."""
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._resolver(self._host, self._port)
        except OSError as error:  # TimeoutError is one
            get_logger().warning("name.not_resolved", host=self._host, reason=str(error))
            return
        if addresses:
            # Sorted, because resolvers rotate: the same addresses must compare equal.
            self._endpoints = tuple(
                f"http://{address}:{self._port}" for address in sorted(set(addresses))
            )

    async def __aenter__(self) -> Self:
        await self.refresh()
        refreshing = BackgroundTask(f"resolve {self._host}", self._keep_refreshing)
        await self._open.enter_async_context(run_in_background(refreshing))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(min(self._interval, MIN_RESOLVE_INTERVAL))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval - MIN_RESOLVE_INTERVAL):
                    await self._refresh_requested.wait()
            self._refresh_requested.clear()
            await self.refresh()

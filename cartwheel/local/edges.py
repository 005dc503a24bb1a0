"""Edges: what one service knows of another that it calls, and the proxies in between.

Each caller has endpoints files of its own, so that a fault on an edge affects no other caller. An
edge that has toxics lists a proxy for each replica instead of the replica itself. Without a proxy,
connections that are open keep no toxic for long: every server closes them after two seconds.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cartwheel.errors import describe_error
from cartwheel.local.endpoints import EndpointsFile
from cartwheel.local.events import Emit
from cartwheel.local.sockets import OWN_HOST
from cartwheel.tcp_proxy import TcpProxy, Toxic

# Seconds. A replica that has left the endpoints may drain for ten.
LINGER = 12.0


class Edge:
    """Publishes the ready replicas of a service to one of its callers."""

    def __init__(
        self, caller: str, callee: str, *, file: Path, emit: Emit, always_proxied: bool = False
    ) -> None:
        file.parent.mkdir(exist_ok=True)
        self.name = f"{caller}->{callee}"
        self._always_proxied = always_proxied
        self._emit = emit
        # The file of the service, which is written at the same time, reports the same problem.
        self._file = EndpointsFile(file, emit=lambda _kind, _message: None)
        self._ready: Sequence[tuple[str, int]] = ()
        self._proxies: dict[int, TcpProxy] = {}
        self._closing: dict[int, asyncio.TimerHandle] = {}
        # Of each fault that acts on it.
        self._toxics: list[Sequence[Toxic]] = []

    @property
    def problem(self) -> str | None:
        """Why the endpoints file is out of date; None when it is not."""
        return self._file.problem

    def publish(self, ready: Iterable[tuple[str, int]]) -> None:
        """List these replicas, given as name and own port. Does not raise."""
        self._ready = list(ready)
        self._write()
        self._close_unlisted_later()

    def close(self) -> None:
        """Close the proxies, and cancel what is due."""
        self._file.close()
        for timer in self._closing.values():
            timer.cancel()
        self._closing.clear()
        for proxy in self._proxies.values():
            proxy.close()
        self._proxies.clear()

    @contextmanager
    def affected_by(self, toxics: Sequence[Toxic]) -> Iterator[None]:
        """Have these toxics on all connections of this edge during the block."""
        self._toxics.append(toxics)
        self._apply()
        try:
            yield
        finally:
            # By identity: another fault may have equal toxics.
            self._toxics = [one for one in self._toxics if one is not toxics]
            self._apply()

    @property
    def _is_proxied(self) -> bool:
        return self._always_proxied or bool(self._toxics)

    def _apply(self) -> None:
        for proxy in self._proxies.values():
            proxy.set_toxics(self._all_toxics())
        self._write()
        self._close_unlisted_later()

    def _all_toxics(self) -> list[Toxic]:
        return [toxic for each in self._toxics for toxic in each]

    def _write(self) -> None:
        self._file.publish((name, self._address(name, port)) for name, port in self._ready)

    def _address(self, name: str, port: int) -> int:
        """The port on which the caller reaches the replica with this port of its own."""
        if not self._is_proxied:
            return port
        if port not in self._proxies:
            proxy = TcpProxy(OWN_HOST, port)
            try:
                proxy.open()
            except OSError as error:
                reason = describe_error(error)
                self._emit("failure", f"{self.name}: {name} has no proxy ({reason})")
                return port
            proxy.set_toxics(self._all_toxics())
            self._proxies[port] = proxy
        return self._proxies[port].port

    def _close_unlisted_later(self) -> None:
        """Close each proxy that is not listed when its connections have had time to end."""
        listed = {port for _, port in self._ready} if self._is_proxied else set()
        for port in self._proxies:
            if port not in listed and port not in self._closing:
                loop = asyncio.get_running_loop()
                self._closing[port] = loop.call_later(LINGER, self._close_proxy, port)
            elif port in listed and port in self._closing:
                self._closing.pop(port).cancel()

    def _close_proxy(self, port: int) -> None:
        del self._closing[port]
        self._proxies.pop(port).close()

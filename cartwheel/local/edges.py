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
        # Of each fault that acts on it.
        self._toxics: list[Sequence[Toxic]] = []

    @property
    def problem(self) -> str | None:
        """Why the endpoints file is out of date; None when it is not."""
        return self._file.problem

    def publish(self, ready: Iterable[tuple[str, int]]) -> None:
        """List these replicas, given as name and own port. Does not raise."""
        before = {port for _, port in self._ready}
        self._ready = list(ready)
        for port in before - {port for _, port in self._ready}:
            self._forget_later(port)
        self._write()

    def close(self) -> None:
        """Close the proxies, and cancel what is due."""
        self._file.close()
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
        if not self._is_proxied:
            for port in self._proxies:
                self._forget_later(port)

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

    def _forget_later(self, port: int) -> None:
        """Close the proxy of a port when its connections have had time to end."""
        if port in self._proxies:
            asyncio.get_running_loop().call_later(LINGER, self._forget, port)

    def _forget(self, port: int) -> None:
        is_listed = self._is_proxied and any(port == listed for _, listed in self._ready)
        if not is_listed and port in self._proxies:
            self._proxies.pop(port).close()

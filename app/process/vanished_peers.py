"""Lets the kernel find out that the peer of a connection has vanished without a word.

A machine that lost its power or its network announces no end. Whoever only waits for such a peer
would wait for ever, and whoever sends to it notices after a quarter of an hour.
"""

import socket
from contextlib import suppress

IDLE_SECONDS = 5
PROBE_INTERVAL = 2
PROBES = 2
"""An idle connection without a peer ends after nine seconds."""

# No system has all of them: TCP_KEEPALIVE is macOS' TCP_KEEPIDLE.
_KEEPALIVE = {
    "TCP_KEEPIDLE": IDLE_SECONDS,
    "TCP_KEEPALIVE": IDLE_SECONDS,
    "TCP_KEEPINTVL": PROBE_INTERVAL,
    "TCP_KEEPCNT": PROBES,
}


def probe_while_idle(connection: socket.socket) -> None:
    """End the connection when its peer has vanished while nothing is sent."""
    _set(connection, socket.SOL_SOCKET, "SO_KEEPALIVE", 1)
    for name, value in _KEEPALIVE.items():
        _set(connection, socket.IPPROTO_TCP, name, value)


def limit_unacknowledged(listener: socket.socket, *, seconds: float) -> None:
    """End connections that are accepted here when what was sent is not confirmed for so long.

    Idle ones get as much time: on Linux, it counts instead of the number of probes.
    """
    if listener.family == socket.AF_UNIX:  # it has no peers elsewhere
        return
    probe_while_idle(listener)
    _set(listener, socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", int(seconds * 1000))


def _set(one: socket.socket, level: int, name: str, value: int) -> None:
    option = getattr(socket, name, None)
    if option is not None:
        with suppress(OSError):  # macOS: for a connection that the peer has reset
            one.setsockopt(level, option, value)

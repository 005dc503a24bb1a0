"""Lets the kernel find out that the peer of a connection has vanished without a word.

A machine that lost its power or its network announces no end. Whoever only waits for such a peer
would wait for ever, and whoever sends to it notices after a quarter of an hour.
"""

import socket

IDLE_SECONDS = 5
PROBE_INTERVAL = 2
PROBES = 2
"""An idle connection without a peer ends after nine seconds."""

_KEEPALIVE = {"TCP_KEEPIDLE": IDLE_SECONDS, "TCP_KEEPINTVL": PROBE_INTERVAL, "TCP_KEEPCNT": PROBES}


def probe_while_idle(connection: socket.socket) -> None:
    """End the connection when its peer has vanished while nothing is sent."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        _set(connection, name, value)


def limit_unacknowledged(listener: socket.socket, *, seconds: float) -> None:
    """End connections that are accepted here when what was sent is not confirmed for so long.

    Idle ones are probed, and then get as much time.
    """
    if listener.family == socket.AF_UNIX:  # it has no peers elsewhere
        return
    probe_while_idle(listener)
    _set(listener, "TCP_USER_TIMEOUT", int(seconds * 1000))


def _set(one: socket.socket, name: str, value: int) -> None:
    option = getattr(socket, name, None)  # not every system has every one
    if option is not None:
        one.setsockopt(socket.IPPROTO_TCP, option, value)

"""A TCP proxy that damages what passes through it, to see how clients and servers take it.

    async with TcpProxy("127.0.0.1", 6379) as proxy:
        proxy.set_toxics([Latency(latency_ms=500)])  # clients connect to proxy.port

The toxics have the names and meanings of Toxiproxy's. They may change at any time, and also affect
connections that are open.
"""

from cartwheel.tcp_proxy.proxy import TcpProxy
from cartwheel.tcp_proxy.toxics import (
    Bandwidth,
    Down,
    InvalidToxic,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    Toxic,
    parse_toxic,
    parse_toxics,
)

__all__ = [
    "Bandwidth",
    "Down",
    "InvalidToxic",
    "Latency",
    "LimitData",
    "ResetPeer",
    "Slicer",
    "SlowClose",
    "TcpProxy",
    "Timeout",
    "Toxic",
    "parse_toxic",
    "parse_toxics",
]

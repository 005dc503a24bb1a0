"""A process that has imported the services and forks replicas from itself.

``python -m cartwheel.local.warm_parent SOCKET SUPERVISOR MODULES PADDING``

A replica that is forked has nothing to import: it starts within a tenth of the time, and shares
the memory of the imported code. SOCKET is a stream to the supervisor, SUPERVISOR its process id,
MODULES what to import, comma separated. PADDING is room for the command line of a replica.

Nothing is opened here: no event loop, no thread, no connection. A process with threads is never
forked. When a file of the imported code has changed, this process starts again, so that a replica
always runs the code on disk.

The supervisor becomes the parent of a replica, as if it had started it: the replica is forked by
a process in between, which ends at once, while the supervisor is the reaper of orphans.

Linux only.
"""

import array
import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cartwheel.local.die_with_parent import PR_SET_PDEATHSIG
from cartwheel.local.loaded_files import LoadedFiles
from cartwheel.local.process_title import set_command_line

LENGTH = struct.Struct("!I")
MAX_DESCRIPTORS = 16


@dataclass(frozen=True)
class Request:
    """A replica to fork.

    ``go`` is a pipe that the supervisor writes to once it is the parent. ``shared`` are the
    sockets of the service, ``own`` is that of the replica.
    """

    factory: str
    environment: Mapping[str, str]
    output: int
    go: int
    own: int
    shared: Sequence[int]

    @property
    def descriptors(self) -> Sequence[int]:
        return (self.output, self.go, self.own, *self.shared)

    @property
    def arguments(self) -> list[str]:
        """The arguments of `app.server`."""
        shared = (f"--fd={descriptor}" for descriptor in self.shared)
        return [self.factory, *shared, f"--own-fd={self.own}"]


def main() -> int:
    descriptor, supervisor, modules, _padding = sys.argv[1:]
    connection = socket.socket(fileno=int(descriptor))
    files = LoadedFiles()
    failed = _import_all(modules.split(","))
    files.remember()
    # What is imported is never garbage: collections would only copy its pages.
    gc.collect()
    gc.freeze()
    _send(connection, {"ready": True})
    while (request := _receive(connection)) is not None:
        response = _refusal(is_stale=failed or files.have_changed())
        if response is None:
            pid = _fork(request)
            if pid is None:
                connection.close()
                return _run(request, int(supervisor))
            response = {"pid": pid}
        for inherited in request.descriptors:
            os.close(inherited)
        _send(connection, response)
        if "stale" in response:
            os.execv(sys.executable, sys.orig_argv)
    return 0


def _import_all(modules: Sequence[str]) -> bool:
    """Import what can be imported; whether anything failed."""
    from app.process.lean_start import prepare

    prepare()
    failed = False
    for module in modules:
        try:
            importlib.import_module(module)
        except (Exception, SystemExit):
            # A replica that is started in the ordinary way reports it.
            failed = True
    return failed


def _receive(connection: socket.socket) -> Request | None:
    """The next request; None when the supervisor has ended."""
    descriptors = array.array("i")
    size = MAX_DESCRIPTORS * descriptors.itemsize
    head, ancillary, _, _ = connection.recvmsg(LENGTH.size, socket.CMSG_LEN(size))
    if not head:
        return None
    for _level, _kind, data in ancillary:
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    head += _exactly(connection, LENGTH.size - len(head))
    message = json.loads(_exactly(connection, LENGTH.unpack(head)[0]))
    output, go, own, *shared = descriptors
    return Request(message["factory"], message["environment"], output, go, own, shared)


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        chunk = connection.recv(count - len(received))
        if not chunk:
            sys.exit(0)
        received += chunk
    return received


def _send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _refusal(*, is_stale: bool) -> Mapping[str, Any] | None:
    """Why nothing can be forked; None if it can."""
    if is_stale:
        return {"stale": True}
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        return {"refused": f"the imported code runs {threads} threads"}
    return None


def _fork(request: Request) -> int | None:
    """Fork a replica that is no child of this process; its process id, None in the replica."""
    reader, writer = os.pipe()
    between = os.fork()
    if not between:
        replica = os.fork()
        if not replica:
            os.close(reader)
            os.close(writer)
            return None
        with contextlib.suppress(OSError):
            os.setpgid(replica, 0)
            os.write(writer, str(replica).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        written = pipe.read()
    # From here on the supervisor is its parent.
    os.waitpid(between, 0)
    return int(written)


def _run(request: Request, supervisor: int) -> int:
    """Be the replica: returns its exit code."""
    from app.server import main as serve

    if not os.read(request.go, 1):
        return 1
    os.close(request.go)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        return 1
    for standard in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(request.output, standard)
    os.close(request.output)
    os.environ.clear()
    os.environ.update(request.environment)
    set_command_line([sys.executable, "-m", "app.server", *request.arguments])
    return serve(request.arguments)


if __name__ == "__main__":
    sys.exit(main())

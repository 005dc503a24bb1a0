"""A cluster read through `kubectl proxy`."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest

from cartwheel.kubernetes import proxy
from cartwheel.kubernetes.errors import BadRequest, Forbidden, NotFound, Unavailable, Unreachable
from cartwheel.kubernetes.proxy import open_proxy
from cartwheel.local.child_processes import ending_with_pipe
from tests.cartwheel.supervisor_process import eventually

# Serves a few paths on the Unix socket, as `kubectl proxy` does.
KUBECTL = """#!{python}
import json, os, socketserver, sys
from http.server import BaseHTTPRequestHandler

options = dict(one.split("=", 1) for one in sys.argv[1:] if "=" in one)
RESPONSES = {{
    "/pods": (200, {{"kind": "PodList", "arguments": sys.argv[1:]}}),
    "/secrets": (403, {{"kind": "Status", "message": 'secrets is forbidden'}}),
    "/query?query=a%20b": (400, {{"status": "error", "error": "parse error"}}),
    "/nothing": (404, {{"kind": "Status", "message": "the server could not find it"}}),
    "/list": (200, []),
}}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, content = RESPONSES.get(self.path, (503, None))
        body = json.dumps(content).encode() if content is not None else b"<html>"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/list":
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "here"

    def log_message(self, *_):
        # More than a pipe holds, as kubectl writes in the course of many failed requests.
        if self.path == "/noise":
            print("E1126 proxy error", "." * 2**20, file=sys.stderr, flush=True)

class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

open({pid_file!r}, "w").write(str(os.getpid()))
Server(options["--unix-socket"], Handler).serve_forever()
"""


@pytest.fixture
def pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the pid of the kubectl is that is now in the PATH."""
    pid_file = tmp_path / "pid"
    install(tmp_path, monkeypatch, KUBECTL.format(python=sys.executable, pid_file=str(pid_file)))
    return pid_file


opened = partial(open_proxy, end_with_pipe=ending_with_pipe)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    file = folder / "kubectl"
    file.write_text(program)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_object_is_read_and_nothing_can_be_changed(pid_file: Path) -> None:
    with opened("prod") as api:
        read = api.get("/pods")

    context, command, socket, rejected = read["arguments"]
    assert (context, command) == ("--context=prod", "proxy")
    assert socket.startswith("--unix-socket=")
    assert rejected == "--reject-methods=^(POST|PUT|PATCH|DELETE)$"


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("/secrets", Forbidden, "secrets is forbidden."),
        ("/query?query=a%20b", BadRequest, "parse error."),
        ("/nothing", NotFound, "the server could not find it."),
        ("/elsewhere?long=query", Unavailable, "/elsewhere: status 503."),
        ("/list", Unavailable, "/list: the response is not an object."),
    ],
)
def test_what_the_cluster_refuses_is_one_sentence(
    pid_file: Path, path: str, error: type[Exception], message: str
) -> None:
    with opened() as api, pytest.raises(error, match="^" + message.replace(".", r"\.") + "$"):
        api.get(path)


def test_a_connection_that_was_closed_is_made_anew(pid_file: Path) -> None:
    with opened() as api:
        for _ in range(3):
            with pytest.raises(Unavailable):
                api.get("/list")
            assert api.get("/pods")["kind"] == "PodList"


def test_several_threads_read_at_once(pid_file: Path) -> None:
    with opened() as api, ThreadPoolExecutor(8) as threads:
        kinds = {found["kind"] for found in threads.map(api.get, ["/pods"] * 40)}

    assert kinds == {"PodList"}


def test_only_this_user_can_reach_the_proxy_and_it_ends_with_the_block(pid_file: Path) -> None:
    with opened() as api:
        path = Path(api.get("/pods")["arguments"][-2].partition("=")[2])
        for protected in (path, path.parent):
            assert stat.S_IMODE(protected.stat().st_mode) & 0o077 == 0

    assert not path.parent.exists()
    with pytest.raises(Unreachable, match=r"^kubectl proxy has ended: "):
        api.get("/pods")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_proxy_that_dies_is_started_again(
    pid_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "RESTART_INTERVAL", 0.0)
    with opened() as api:
        assert api.get("/pods")["kind"] == "PodList"
        killed = kill(pid_file)
        # In a thread that ends, as those of the console do: kubectl does not end with it.
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(api.get, "/pods").result()["kind"] == "PodList"

        assert api.get("/pods")["kind"] == "PodList"
        assert int(pid_file.read_text()) != killed


def test_until_a_proxy_that_died_is_started_again_the_error_names_it(pid_file: Path) -> None:
    with opened() as api:
        kill(pid_file)
        with pytest.raises(Unreachable, match=r"^kubectl proxy has ended: exit -9\.$"):
            api.get("/pods")


def test_a_proxy_that_logs_a_lot_is_not_held_up(pid_file: Path) -> None:
    with opened() as api:
        with pytest.raises(Unavailable):
            api.get("/noise")

        assert api.get("/pods")["kind"] == "PodList"


def test_a_proxy_ends_when_the_process_that_opened_it_is_killed(pid_file: Path) -> None:
    program = (
        "import sys\n"
        "from cartwheel.kubernetes.proxy import open_proxy\n"
        "from cartwheel.local.child_processes import ending_with_pipe\n"
        "with open_proxy(end_with_pipe=ending_with_pipe):\n"
        "    print('open', flush=True); sys.stdin.read()\n"
    )
    # Its folder remains. pytest's own is too long for the path of a socket.
    folder = tempfile.TemporaryDirectory()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": folder.name},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with folder, process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        process.kill()

    pid = int(pid_file.read_text())
    eventually(lambda: not is_running(pid) or None, within=10)


def test_a_kubectl_that_does_not_start_a_proxy_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        monkeypatch,
        '#!/bin/sh\necho "error: context \\"x\\" does not exist" >&2; exit 1\n',
    )

    with (
        pytest.raises(
            Unreachable, match=r'^kubectl proxy does not start: context "x" does not exist\.$'
        ),
        opened("x"),
    ):
        pass


def kill(pid_file: Path) -> int:
    """Kill the proxy, and wait until all its threads have ended: a zombie may still have some."""
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

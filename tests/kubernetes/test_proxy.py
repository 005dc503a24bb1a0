"""A cluster read through `kubectl proxy`."""

import os
import stat
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cartwheel.kubernetes.errors import Forbidden, NotFound, Unavailable, Unreachable
from cartwheel.kubernetes.proxy import open_proxy

# Serves a few paths on the Unix socket, as `kubectl proxy` does.
KUBECTL = """#!{python}
import json, os, socketserver, sys
from http.server import BaseHTTPRequestHandler

options = dict(one.split("=", 1) for one in sys.argv[1:] if "=" in one)
RESPONSES = {{
    "/pods": (200, {{"kind": "PodList", "arguments": sys.argv[1:]}}),
    "/secrets": (403, {{"kind": "Status", "message": 'secrets is forbidden'}}),
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
        pass

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


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    file = folder / "kubectl"
    file.write_text(program)
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_object_is_read_and_nothing_can_be_changed(pid_file: Path) -> None:
    with open_proxy("prod") as api:
        read = api.get("/pods")

    context, command, socket, rejected = read["arguments"]
    assert (context, command) == ("--context=prod", "proxy")
    assert socket.startswith("--unix-socket=")
    assert rejected == "--reject-methods=^(POST|PUT|PATCH|DELETE)$"


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("/secrets", Forbidden, "secrets is forbidden."),
        ("/nothing", NotFound, "the server could not find it."),
        ("/elsewhere", Unavailable, "/elsewhere: status 503."),
        ("/list", Unavailable, "/list: the response is not an object."),
    ],
)
def test_what_the_cluster_refuses_is_one_sentence(
    pid_file: Path, path: str, error: type[Exception], message: str
) -> None:
    with open_proxy() as api, pytest.raises(error, match="^" + message.replace(".", r"\.") + "$"):
        api.get(path)


def test_a_connection_that_was_closed_is_made_anew(pid_file: Path) -> None:
    with open_proxy() as api:
        for _ in range(3):
            with pytest.raises(Unavailable):
                api.get("/list")
            assert api.get("/pods")["kind"] == "PodList"


def test_several_threads_read_at_once(pid_file: Path) -> None:
    with open_proxy() as api, ThreadPoolExecutor(8) as threads:
        kinds = {found["kind"] for found in threads.map(api.get, ["/pods"] * 40)}

    assert kinds == {"PodList"}


def test_only_this_user_can_reach_the_proxy_and_it_ends_with_the_block(pid_file: Path) -> None:
    with open_proxy() as api:
        path = Path(api.get("/pods")["arguments"][-2].partition("=")[2])
        for protected in (path, path.parent):
            assert stat.S_IMODE(protected.stat().st_mode) & 0o077 == 0

    assert not path.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_proxy_that_dies_is_an_error_and_not_a_wait(pid_file: Path) -> None:
    with open_proxy() as api:
        os.kill(int(pid_file.read_text()), 9)
        with pytest.raises(Unreachable, match="The cluster does not respond: "):
            _read_until_it_fails(api.get)


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
        open_proxy("x"),
    ):
        pass


def _read_until_it_fails(get: Callable[[str], object]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        get("/pods")

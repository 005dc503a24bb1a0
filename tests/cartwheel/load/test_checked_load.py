"""`cartwheel load --check`: what the history of a load shows is printed, written, and judged."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest
import typer

from cartwheel.load import command

SKU = "TOY-DUCK-01"


class Carts(BaseHTTPRequestHandler):
    """A shop with guests and carts; if it ``forgets``, each fifth add is acknowledged and lost."""

    forgets: bool
    adds: Counter[str]
    versions: Counter[str]
    pieces: Counter[str]
    lock = Lock()
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path.endswith("/cart"):
            self._answer(self._cart())
        else:
            self._answer({"items": [{"sku": SKU, "available": 5}]})

    def do_DELETE(self) -> None:
        with self.lock:
            self.pieces[self._owner] = 0
            self.versions[self._owner] += 1
            self._answer(self._cart())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.endswith("/guests"):
            self._answer(self._tokens())
        elif self.path.endswith(":lookup"):
            self._answer({"items": []})
        else:
            self._add(json.loads(body)["quantity"])

    def log_message(self, *_: object) -> None:
        pass

    @property
    def _owner(self) -> str:
        return str(self.headers["authorization"])

    def _add(self, quantity: int) -> None:
        with self.lock:
            self.adds[self._owner] += 1
            if not (self.forgets and self.adds[self._owner] % 5 == 0):
                self.pieces[self._owner] += quantity
            self.versions[self._owner] += 1
            self._answer(self._cart())

    def _cart(self) -> Any:
        quantity = self.pieces[self._owner]
        lines = [{"sku": SKU, "quantity": quantity}] if quantity else []
        return {"version": self.versions[self._owner], "lines": lines}

    def _tokens(self) -> Any:
        with self.lock:
            self.adds["guests"] += 1
            claims = json.dumps({"sub": f"guest_{self.adds['guests']}"})
        payload = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
        return {"access_token": f"e.{payload}.s", "refresh_token": "r"}

    def _answer(self, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def shop(*, forgets: bool) -> Iterator[str]:
    state = {"adds": Counter(), "versions": Counter(), "pieces": Counter()}
    handler = type("Handler", (Carts,), {"forgets": forgets, **state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("forgets", [False, True])
def test_an_add_that_is_acknowledged_and_lost_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], forgets: bool
) -> None:
    report, figures = tmp_path / "load.html", tmp_path / "load.json"
    with shop(forgets=forgets) as target, pytest.raises(typer.Exit) as end:
        command.load(
            target=target,
            scenario="cart-add",
            rate=60.0,
            seconds=0.6,
            check=True,
            state_dir=tmp_path / "state",
            html_file=report,
            json_file=figures,
        )
    assert end.value.exit_code == int(forgets)
    output = capsys.readouterr().out
    found = json.loads(figures.read_text())["consistency"]
    assert found["passed"] is not forgets
    assert found["books"] is False
    assert found["operations"]["ok"] > 15
    assert "--check sees only the responses here" in output
    assert ("the responses; the stores were not read." in " ".join(output.split())) is not forgets
    assert any(line.startswith("✗ linearizable-carts: ") for line in output.splitlines()) is forgets
    assert "<h2>Consistency</h2>" in report.read_text()
    assert ("nothing is lost" in report.read_text()) is not forgets

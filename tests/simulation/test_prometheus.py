"""Range queries over real HTTP, to a server that answers as Prometheus does."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cartwheel.errors import CommandError, UsageError
from cartwheel.simulation import prometheus
from cartwheel.simulation.load_shape import LoadShape
from cartwheel.simulation.prometheus import query_load

Respond = Callable[[dict[str, str]], tuple[int, Any]]


@contextmanager
def server(respond: Respond) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its URL, and the queries that it got."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            seen.append({"path": parts.path, "login": self.headers["Authorization"] or "", **query})
            status, body = respond(query)
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", seen
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def matrix(*series: list[tuple[float, str]]) -> tuple[int, Any]:
    result = [{"metric": {}, "values": values} for values in series]
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


def load(url: str, query: str = "sum(rate(x[1m]))", last: float = 60) -> LoadShape:
    return query_load(url, query, last=last, step=15, until=1000).shape


def test_values_become_a_load_and_gaps_none() -> None:
    with server(lambda _: matrix([(930, "5"), (960, "7.5"), (975, "NaN")])) as (url, seen):
        shape = load(url)
    assert shape.times == [930, 945, 960, 975, 990]
    assert shape.rates == [5, 0, 7.5, 0, 0]
    assert shape.end == 1005
    assert [(one["path"], one["start"], one["end"]) for one in seen] == [
        ("/api/v1/query_range", "930", "990")
    ]


def test_the_load_begins_with_the_first_value() -> None:
    with server(lambda _: matrix([(960, "7.5"), (990, "5")])) as (url, _):
        found = query_load(url, "x", last=60, step=15, until=1000)
    assert (found.shape.start, found.shape.rates) == (960, [7.5, 0, 5])
    assert "no data for the 30 s before" in found.note


@pytest.mark.parametrize(("last", "step"), [(60, 0), (10**9, 1)])
def test_a_step_that_cannot_work_is_refused_before_a_request(last: float, step: float) -> None:
    with server(lambda _: matrix()) as (url, seen), pytest.raises(UsageError):
        query_load(url, "x", last=last, step=step)
    assert not seen


def test_a_long_time_is_fetched_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "MAX_POINTS", 3)

    def respond(query: dict[str, str]) -> tuple[int, Any]:
        first, last = float(query["start"]), float(query["end"])
        return matrix([(at, "1") for at in (first, last)])

    with server(respond) as (url, seen):
        shape = load(url, last=90)
    assert [(one["start"], one["end"]) for one in seen] == [
        ("900", "930"),
        ("945", "975"),
        ("990", "990"),
    ]
    assert shape.rates == [1, 0, 1, 1, 0, 1, 1]


def test_a_login_goes_into_a_header_and_a_path_stays() -> None:
    with server(lambda _: matrix([(930, "5")])) as (url, seen):
        load(url.replace("//", "//me:secret@") + "/prometheus/")
    assert seen[0]["path"] == "/prometheus/api/v1/query_range"
    assert seen[0]["login"] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ((400, {"status": "error", "error": "parse error"}), "parse error"),
        (matrix(), "no data"),
        (matrix([(930, "1")], [(930, "2")]), "2 series"),
        ((200, b"<html>"), "not JSON"),
        ((200, {"status": "success", "data": {}}), "not that of a Prometheus"),
        ((200, {"status": "success", "data": {"result": "ten chars!"}}), "not that of a Prom"),
        (
            (200, {"status": "success", "data": {"result": [{"metric": {}, "histograms": []}]}}),
            "native histograms",
        ),
        ((404, b"nothing here"), "404"),
    ],
)
def test_what_goes_wrong_is_one_sentence(response: tuple[int, Any], words: str) -> None:
    with server(lambda _: response) as (url, _), pytest.raises(CommandError, match=words) as caught:
        load(url)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with server(lambda _: matrix()) as (url, _):
        pass
    with pytest.raises(CommandError, match=r"does not respond: Connection refused\."):
        load(url)


def test_this_machine_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with server(lambda _: matrix([(930, "5")])) as (url, _):
        assert load(url).rates == [5, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:9090",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:9/ü",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        load(url)

"""The console's server over real sockets: its page, its errors, and the parts that it runs."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cartwheel.console.server import Session, read_object
from cartwheel.console.server.session import AvailableParts
from cartwheel.errors import CommandError, UsageError
from tests.console.console_server import Console, serving_console
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]


class Counter:
    """A part that counts, and fails as it is told."""

    def __init__(self) -> None:
        self.count = 0
        self.runs = 0
        self.fails = asyncio.Event()

    @property
    def routes(self) -> Sequence[Route]:
        return [
            Route("/api/count", self._get),
            Route("/api/count", self._put, methods=["PUT"]),
            Route("/api/busy", self._refuse),
            Route("/api/wrong", self._refuse_usage),
            Route("/api/broken", self._break),
        ]

    async def run(self) -> None:
        self.runs += 1
        await self.fails.wait()
        self.fails.clear()
        raise RuntimeError("out of beads")

    async def _get(self, _: Request) -> Response:
        return JSONResponse({"count": self.count})

    async def _put(self, request: Request) -> Response:
        self.count = (await read_object(request))["count"]
        return JSONResponse({"count": self.count})

    async def _refuse(self, _: Request) -> Response:
        raise CommandError("The shop is just starting.")

    async def _refuse_usage(self, _: Request) -> Response:
        raise UsageError("max: 0 is less than 1.")

    async def _break(self, _: Request) -> Response:
        raise RuntimeError("out of beads")


@pytest.fixture(scope="module")
def counter() -> Counter:
    return Counter()


@pytest.fixture(scope="module")
async def console(counter: Counter) -> AsyncIterator[Console]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cartwheel.console.server.part.FIRST_RETRY_DELAY", 0.0)
        async with serving_console([counter]) as running:
            yield running


async def test_the_page_and_its_modules_have_their_types(console: Console) -> None:
    types = {
        path: (await console.client.get(path)).headers["content-type"]
        for path in ("/", "/static/js/main.js", "/static/css/tokens.css", "/static/favicon.svg")
    }

    assert types == {
        "/": "text/html; charset=utf-8",
        "/static/js/main.js": "text/javascript; charset=utf-8",
        "/static/css/tokens.css": "text/css; charset=utf-8",
        "/static/favicon.svg": "image/svg+xml",
    }


async def test_a_file_is_sent_again_only_when_its_content_has_changed(console: Console) -> None:
    first = await console.client.get("/static/js/main.js")
    again = await console.client.get(
        "/static/js/main.js", headers={"if-none-match": first.headers["etag"]}
    )
    of_another_release = await console.client.get(
        "/static/js/main.js", headers={"if-none-match": '"another"'}
    )

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert of_another_release.content == first.content


async def test_a_file_is_sent_compressed_to_who_takes_it(console: Console) -> None:
    plain = await console.client.get("/static/js/main.js", headers={"accept-encoding": "identity"})
    compressed = await console.client.get("/static/js/main.js", headers={"accept-encoding": "gzip"})
    unchanged = await console.client.get(
        "/static/js/main.js",
        headers={"accept-encoding": "gzip", "if-none-match": compressed.headers["etag"]},
    )

    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) < len(plain.content)
    assert compressed.content == plain.content
    assert compressed.headers["etag"] != plain.headers["etag"]
    assert unchanged.status_code == 304


async def test_an_updated_file_is_sent_anew(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cartwheel.console.server.static_files.STATIC", tmp_path)
    module = tmp_path / "module.js"
    module.write_text("export const A = 1;")
    before = await console.client.get("/static/module.js")
    stamp = module.stat().st_mtime_ns
    module.write_text("export const A = 2;")
    os.utime(module, ns=(stamp, stamp))
    after = await console.client.get(
        "/static/module.js", headers={"if-none-match": before.headers["etag"]}
    )

    assert (after.status_code, after.text) == (200, "export const A = 2;")


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/js",
        "/static/js/no.js",
        "/static/../server/app.py",
        "/static/%2e%2e/__init__.py",
        "/static/js/..%2f..%2f__init__.py",
        "/static//etc/passwd",
        "/static/js/main.js%00",
    ],
)
async def test_nothing_else_is_served(console: Console, path: str) -> None:
    response = await console.client.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/api/busy", 409, "The shop is just starting."),
        ("/api/wrong", 422, "max: 0 is less than 1."),
        ("/api/broken", 500, "Its log says why."),
        ("/api/nothing", 404, ""),
    ],
)
async def test_an_error_is_a_problem_with_a_sentence(
    console: Console, path: str, status: int, detail: str
) -> None:
    response = await console.client.get(path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == detail
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[1]", 400),
        (b'{"count": NaN}', 400),
        (b'{"a": "%s"}' % (b"x" * 300_000), 413),
    ],
)
async def test_a_wrong_body_is_refused(console: Console, body: bytes, status: int) -> None:
    response = await console.client.put("/api/count", content=body, headers=console.token)

    assert response.status_code == status


async def test_a_history_that_is_slow_to_read_does_not_delay_what_is_live() -> None:
    is_read = threading.Event()

    def read_slowly() -> Session:
        assert is_read.wait(10), "nothing else was served"
        return Session("local", "A shop")

    async with serving_console(session=read_slowly) as console:
        waiting = asyncio.create_task(console.client.get("/api/session"))
        page = await console.client.get("/")
        is_read.set()
        response = await waiting

    assert (page.status_code, response.json()["title"]) == (200, "A shop")


async def test_the_session_says_what_is_shown() -> None:
    shown = Session("recording", "a talk", start=10.0, end=20.0, parts=AvailableParts())
    async with serving_console(session=shown) as console:
        response = await console.client.get("/api/session")

    assert response.json() == {
        "mode": "recording",
        "title": "a talk",
        "shop_url": None,
        "start": 10.0,
        "end": 20.0,
        "parts": {"load": False, "faults": False, "autoscaler": False},
        "read_only_reason": "",
    }


async def test_a_part_that_fails_is_shown_and_starts_again(
    console: Console, counter: Counter
) -> None:
    counter.fails.set()
    frames = console.live.frames()
    frame = await asyncio.wait_for(anext(frames), 5)
    await until(lambda: counter.runs == 2)

    assert "Counter: RuntimeError: out of beads" in frame.problem
    assert (await console.client.get("/api/count")).json() == {"count": 0}


class FailsToStop:
    """A part that fails when it is cancelled."""

    routes: Sequence[Route] = ()

    def __init__(self) -> None:
        self.runs = 0

    async def run(self) -> None:
        self.runs += 1
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("out of beads")


async def test_a_part_that_fails_while_it_is_stopped_does_not_start_again() -> None:
    part = FailsToStop()
    async with serving_console([part]) as console:
        await until(lambda: part.runs == 1)
        console.server.should_exit = True
        await asyncio.wait_for(asyncio.shield(console.serving), 10)

    assert part.runs == 1


async def test_all_files_of_the_page_are_less_than_200_kb(console: Console) -> None:
    static = ROOT / "cartwheel" / "console" / "static"
    sizes = {}
    for path in (one.relative_to(static) for one in static.rglob("*") if one.is_file()):
        response = await console.client.get(f"/static/{path.as_posix()}")
        assert response.status_code == 200, path
        sizes[path] = int(response.headers["content-length"])

    assert sum(sizes.values()) < 200_000, sizes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_it_in_order(number: signal.Signals) -> None:
    async with serving_console() as console:
        signal.raise_signal(number)

        await until(console.serving.done)
        assert console.serving.exception() is None

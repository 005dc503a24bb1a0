"""The console of a recording: the same pages and routes as of a shop, from the file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cartwheel.console.replay import READ_ONLY, recorded_console
from tests.console.console_server import Console, serving_console
from tests.console.sessions.files import explained, made, record
from tests.console.synthetic import BEGIN

MADE = made()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return record(tmp_path / "session.jsonl", MADE.entries)


@pytest.fixture
async def console(path: Path) -> AsyncIterator[Console]:
    contents = recorded_console(path)
    async with serving_console(contents.parts, session=contents.session()) as found:
        yield found


async def test_the_page_learns_that_it_is_a_recording(console: Console) -> None:
    found = (await console.client.get("/api/session")).json()

    assert found["mode"] == "recording"
    assert found["title"].startswith("session.jsonl, 21 Sep 2026")
    assert (found["start"], found["end"]) == (BEGIN, BEGIN + 179)
    assert found["read_only_reason"] == READ_ONLY
    assert not any(found["parts"].values())


async def test_history_frames_and_explanations_are_those_of_the_session(
    console: Console, path: Path
) -> None:
    at = BEGIN + 125
    client = console.client

    frame = (await client.get(f"/api/frames?at={at}")).json()
    history = (await client.get("/api/history?points=2000")).json()
    explanation = (await client.get(f"/api/explanation?at={at}")).json()

    assert frame["headline"] == MADE.frames[125].headline
    assert history["points"]["at"] == [BEGIN + n for n in range(180)]
    assert len(history["marks"]) == len(MADE.marks)
    sentences = [*explanation["sentences"], *explanation["outlook"]]
    assert [one["text"] for one in sentences] == explained(path, at)


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "/api/autoscaler"), ("PUT", "/api/load"), ("DELETE", "/api/faults/cart-killed")],
)
async def test_what_only_a_shop_has_is_refused_with_the_reason(
    console: Console, method: str, url: str
) -> None:
    found = await console.client.request(method, url, headers=console.token)

    assert found.status_code == 409
    assert found.json()["detail"] == READ_ONLY

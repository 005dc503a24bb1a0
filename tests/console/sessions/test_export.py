"""`cartwheel export`: a session as a file, and as one page for any browser."""

import base64
import gzip
import hashlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cartwheel.console.history.store import HistoryStore, StoredFrame
from cartwheel.console.sessions.export_command import commands
from cartwheel.console.sessions.page import session_page
from cartwheel.console.sessions.recorded_session import RecordedSession
from cartwheel.errors import CommandError, UsageError
from cartwheel.recording import SessionStarted, read_recording
from cartwheel.recording.recorder import earlier_file
from tests.cartwheel.test_installation import without_the_shop
from tests.console.sessions.files import explained, made, record
from tests.console.synthetic import BEGIN
from tests.recording.test_recording import no_larger_files_than

# Of a load that begins and the step that follows.
SECONDS = 40
MADE = made(SECONDS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return record(tmp_path / "session.jsonl", MADE.entries)


def run(*arguments: object) -> str:
    """What the command prints. Raises what the command raises."""
    result = CliRunner().invoke(commands, [*map(str, arguments)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def embedded(page: Path | str) -> Any:
    text = page if isinstance(page, str) else page.read_text()
    found = re.search(r'id="embedded-session">([^<]+)<', text)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def page_of(path: Path, **options: Any) -> str:
    with RecordedSession(path) as recorded:
        return session_page(recorded, title="A scale-out", **options).text


def test_a_page_is_written_beside_the_file(path: Path) -> None:
    output = run(path)

    page = path.with_name("session.html")
    assert f"Written: {page}" in output
    assert "0.7 minutes, 40 frames" in output
    assert page.stat().st_size < 400_000


def test_its_title_is_what_was_asked_for(path: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    run(path, "--html", page, "--title", "Scale-out & a crash")

    assert "<title>Scale-out &amp; a crash · Cartwheel</title>" in page.read_text()
    assert embedded(page)["info"]["title"] == "Scale-out & a crash"


def test_the_page_has_the_sentences_of_the_command_for_each_moment(path: Path) -> None:
    found = embedded(page_of(path))

    by_moment = {one["moment"]: one for one in found["explanations"]}
    for at in (BEGIN, BEGIN + 20, BEGIN + 25, BEGIN + 39):
        sentences = [*by_moment[at]["sentences"], *by_moment[at]["outlook"]]
        assert [one["text"] for one in sentences] == explained(path, at)
    assert len(found["frames"]) == len(found["points"]["at"]) == SECONDS
    assert found["info"]["mode"] == "recording"


def test_nothing_but_its_own_script_and_style_may_run(path: Path) -> None:
    page = page_of(path)

    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    for tag, source in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{source} 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert "/static/" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_the_same_session_gives_the_same_page(path: Path) -> None:
    assert page_of(path) == page_of(path)


def test_a_long_session_is_thinned_until_the_page_is_small_and_the_page_says_so(
    path: Path,
) -> None:
    page = page_of(path, max_size=len(page_of(path).encode()) - 500)

    found = embedded(page)
    assert len(found["frames"]) < 30
    assert re.search(r"one frame in \d s", found["info"]["title"])
    shown = {one["at"] for one in found["frames"]}
    assert {one.at for one in MADE.marks} | {BEGIN, BEGIN + SECONDS - 1} <= shown
    assert len(found["explanations"]) == len(shown)


def test_the_last_minutes_of_the_shop_are_saved_under_the_time_of_their_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = state_folder(tmp_path)

    output = run("--state-dir", state, "--minutes", 0.5)

    (saved,) = tmp_path.glob("cartwheel-2026-09-21-*.jsonl")
    assert f"Written: {saved.name}" in output
    assert f"console {saved.name}" in output
    start, *rest = read_recording(saved)
    assert isinstance(start, SessionStarted)
    assert rest[-1].at - start.at == pytest.approx(30, abs=2)


def test_the_last_minutes_of_the_shop_are_a_page_at_once(tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    run("--state-dir", state_folder(tmp_path), "--html", page)

    assert len(embedded(page)["frames"]) == SECONDS


def state_folder(folder: Path) -> Path:
    """What a shop leaves."""
    state = folder / "state"
    state.mkdir()
    record(state / "autoscaling.jsonl", MADE.autoscaler_entries)
    store = HistoryStore(state / "console.sqlite", now=lambda: BEGIN + SECONDS)
    store.write([StoredFrame.of(one) for one in MADE.frames], MADE.marks)
    store.close()
    return state


def test_a_shop_without_a_history_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing has been recorded in"):
        run("--state-dir", tmp_path)


@pytest.mark.parametrize("name", ["session.jsonl", "session.jsonl.1", "link"])
def test_a_page_never_replaces_the_recording(path: Path, name: str) -> None:
    recorded = path.read_bytes()
    earlier_file(path).write_bytes(b"")
    path.with_name("link").symlink_to(path)

    with pytest.raises(UsageError, match="is read"):
        run(path, "--html", path.with_name(name))

    assert path.read_bytes() == recorded


def test_a_page_never_replaces_the_history_of_the_shop(tmp_path: Path) -> None:
    state = state_folder(tmp_path)
    history = state / "console.sqlite"
    recorded = history.read_bytes()

    with pytest.raises(UsageError, match="is read"):
        run("--state-dir", state, "--html", history)

    assert history.read_bytes() == recorded


@pytest.mark.parametrize("damage", ["another version", "damaged pages", "damaged frame"])
def test_a_history_that_cannot_be_read_is_an_error_and_stays_as_it_is(
    tmp_path: Path, damage: str
) -> None:
    history = state_folder(tmp_path) / "console.sqlite"
    if damage == "damaged pages":
        with history.open("r+b") as file:
            file.seek(4096)
            file.write(b"x" * 40_960)
    else:
        with sqlite3.connect(history) as other:
            other.execute(
                "PRAGMA user_version = 2"
                if damage == "another version"
                else "UPDATE frames SET frame = x'00'"
            )
        other.close()
    written = history.read_bytes()

    with pytest.raises(CommandError, match=r"console.sqlite cannot be read \("):
        run("--state-dir", history.parent, "--html", tmp_path / "page.html")

    assert history.read_bytes() == written
    assert not list(history.parent.glob("*.damaged"))


def test_on_a_full_disk_no_part_of_a_session_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = state_folder(tmp_path)

    with no_larger_files_than(64 * 1024), pytest.raises(UsageError, match="cannot be written"):
        run("--state-dir", state)

    assert list(tmp_path.iterdir()) == [state]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["none.jsonl"], "there is no such recording"),
        (["none.jsonl", "--minutes", "3"], "leave out FILE"),
        (["--title", "x"], "add --html"),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        run(*arguments)


def test_a_page_can_be_made_without_the_shop(path: Path) -> None:
    done = without_the_shop("export", str(path))

    assert (done.returncode, done.stderr) == (0, "")
    assert path.with_name("session.html").exists()

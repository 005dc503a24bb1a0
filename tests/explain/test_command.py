"""`cartwheel explain` for the local run and for recorded sessions."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.command import commands
from cartwheel.explain.explanation import Explanation, Sync, explain_sync
from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.terminal import follow
from cartwheel.local.autoscaling.snapshot import Snapshot
from cartwheel.local.control_socket import Message, serve_control_socket
from cartwheel.local.state_folder import StateFolder
from cartwheel.printing import new_console
from tests.explain.sessions import OPTIONS, UNITS, record, scaled_object, syncs

BEGIN = 1_772_000_000.0


def run(*arguments: str) -> str:
    result = CliRunner().invoke(commands, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


@contextmanager
def local_run(root: Path, snapshot: Snapshot) -> Iterator[None]:
    """A state folder whose control socket responds as a supervisor's does."""
    state = StateFolder.at(root)
    ready, stopped = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def handle(request: Message) -> Message:
        assert request == {"command": "autoscaler"}
        return snapshot.as_json()

    async def serve() -> None:
        async with serve_control_socket(state.control_socket, handle):
            ready.set()
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    with state.locked():
        thread.start()
        assert ready.wait(10)
        yield
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
    loop.close()


def snapshot_after(*rates: int) -> Snapshot:
    found, state = syncs(rates, begin=time.time() - 5.0 * (len(rates) - 1))
    last = found[-1] if found else None
    return Snapshot(
        service="cart",
        autoscaler=scaled_object(),
        options=OPTIONS,
        units=UNITS,
        state=state,
        observation=last and last.observation,
        decision=last and last.decision,
    )


def test_the_local_run_is_explained_now(tmp_path: Path) -> None:
    with local_run(tmp_path, snapshot_after(140, 140, 90)):
        shown = run("--state-dir", str(tmp_path))
        assert run("cart", "--state-dir", str(tmp_path)).splitlines()[1] == shown.splitlines()[1]

    assert "scaledobject/cart  local run, " in shown
    assert "● The metric s0-prometheus is 12.9 requests/s per replica" in shown
    assert "~ With the same load (90 requests/s in all) it shrinks to 5" in shown
    assert shown.endswith("● measured   = computed   ~ inferred\n")


def test_a_service_that_is_not_scaled_is_an_error(tmp_path: Path) -> None:
    with (
        local_run(tmp_path, snapshot_after(30)),
        pytest.raises(UsageError, match="scales cart, not user"),
    ):
        run("user", "--state-dir", str(tmp_path))


def test_before_the_first_decision_there_is_nothing_to_explain(tmp_path: Path) -> None:
    with (
        local_run(tmp_path, snapshot_after()),
        pytest.raises(CommandError, match="has decided nothing yet"),
    ):
        run("--state-dir", str(tmp_path))


def test_when_nothing_runs_the_way_to_start_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Nothing runs in .* To start it: .* up"):
        run("--state-dir", str(tmp_path))


def test_an_earlier_decision_of_the_local_run_is_explained(tmp_path: Path) -> None:
    record(tmp_path / "autoscaling.jsonl", [30, 140], begin=BEGIN)
    at = time.strftime("%H:%M:%S", time.localtime(BEGIN + 5))

    assert "from 2 to 7 replicas" in run("--state-dir", str(tmp_path), "--at", at)


def test_without_a_recording_no_earlier_decision_is_known(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No autoscaler has decided anything"):
        run("--state-dir", str(tmp_path), "--at", "12:00")


def test_json_has_the_sentences_and_what_they_rest_on(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    record(path, [30, 140], begin=BEGIN)

    (found,) = json.loads(run("--recording", str(path), "--json"))

    assert found["title"] == "scaledobject/cart"
    assert found["decision"]["desired"] == 7
    assert {one["basis"] for one in found["sentences"]} == {"measured", "computed"}
    assert {one["basis"] for one in found["outlook"]} == {"inferred"}


def test_watching_as_json_prints_a_line_for_each_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "session.jsonl"
    record(path, [30], begin=BEGIN)
    pauses = iter([lambda: None, lambda: record(path, [140], begin=BEGIN + 5)])

    with pytest.raises(StopIteration):
        follow(
            lambda: explain_recorded(path),
            new_console(),
            as_json=True,
            pause=lambda: next(pauses)(),
        )

    found = [json.loads(line)[0] for line in capsys.readouterr().out.splitlines()]
    assert [one["decision"]["desired"] for one in found] == [2, 7]


def test_watching_into_a_pipe_prints_each_change_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "session.jsonl"
    record(path, [30], begin=BEGIN)
    shown: list[str] = []
    steps = iter([lambda: None, lambda: record(path, [140], begin=BEGIN + 5)])

    def pause() -> None:
        shown.append(capsys.readouterr().out)
        next(steps)()

    with pytest.raises(StopIteration):
        follow(lambda: explain_recorded(path), new_console(), as_json=False, pause=pause)

    first, unchanged, second = shown
    assert "stays at 2 replicas" in first
    assert unchanged == ""
    assert "from 2 to 7 replicas" in second


WATCH = """
import itertools, sys
from rich.console import Console
from cartwheel.autoscaling.sentence import Basis, Sentence
from cartwheel.explain.explanation import Explanation
from cartwheel.explain.terminal import follow
def source():
    return [Explanation("hpa/web", "test", 0.0, [Sentence("x" * 70_000, Basis.COMPUTED)])]
looks = map(lambda n: [*source()] * n, itertools.count(1))
follow(lambda: next(looks), Console(), as_json=sys.argv[1] == "json", pause=lambda: None)
"""


@pytest.mark.parametrize("output", ["json", "text"])
def test_watching_ends_quietly_when_its_reader_has_gone(output: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WATCH, output], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()

    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 1


def test_watching_draws_the_page_again(capsys: pytest.CaptureFixture[str]) -> None:
    last = syncs([140], begin=BEGIN)[0][-1]
    sync = Sync(scaled_object(), OPTIONS, last.observation, last.decision, None, UNITS)
    pauses = iter([lambda: None])

    with pytest.raises(StopIteration):
        follow(
            lambda: [explain_sync(sync, source="test")],
            Console(width=80, force_terminal=True),
            as_json=False,
            pause=lambda: next(pauses)(),
        )

    assert capsys.readouterr().out.count("goes from 2 to 7 replicas.") >= 2


@pytest.mark.parametrize("as_json", [True, False])
def test_a_failed_look_is_named_and_watching_goes_on(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    def explained(rate: int) -> list[Explanation]:
        last = syncs([rate], begin=BEGIN)[0][-1]
        sync = Sync(scaled_object(), OPTIONS, last.observation, last.decision, None, UNITS)
        return [explain_sync(sync, source="test")]

    def source() -> list[Explanation]:
        if isinstance(found := next(looks), CommandError):
            raise found
        return found

    looks = iter([explained(30), CommandError("TLS handshake timeout."), explained(140)])
    pauses = iter([lambda: None, lambda: None])
    console = Console(width=80, force_terminal=True)

    with pytest.raises(StopIteration):
        follow(source, console, as_json=as_json, pause=lambda: next(pauses)())

    shown = capsys.readouterr()
    assert "TLS handshake timeout." in (shown.err if as_json else shown.out)
    assert "goes from 2 to 7 replicas." in shown.out


def test_the_error_of_the_first_look_ends_watching() -> None:
    def fail() -> list[Explanation]:
        raise CommandError("TLS handshake timeout.")

    with pytest.raises(CommandError):
        follow(fail, new_console(), as_json=False, pause=lambda: None)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--watch", "--at", "12:00"], "--watch follows what happens now"),
        (["hpa/cart", "--at", "12:00"], "about a recorded session, not about a cluster"),
        (["-n", "shop", "--recording", "x"], "about a recorded session, not about a cluster"),
        (["hpa/cart", "--all"], "Either hpa/cart or --all"),
        (["hpa/cart", "--controller", "sync-period=15"], "must be a duration"),
        (["--controller", "sync-period=1s"], "--controller sets options of a cluster's"),
        (["hpa"], "hpa: write hpa/NAME."),
        (["hpa", "cart"], "hpa cart: write hpa/cart."),
        (["cart", "user"], "name one autoscaler, or none for all"),
        (["--at", "soon"], "soon is no time"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        run(*arguments)

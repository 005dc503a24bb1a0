"""What a run tells of what was measured."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cartwheel.chaos import run
from cartwheel.chaos.events import open_events
from cartwheel.chaos.results import ProbeFigures
from cartwheel.chaos.run import Choice, RunResult, run_plan
from cartwheel.chaos.run_command import _conclusion, _exit_code, _repeated
from cartwheel.chaos.shop import Shop
from cartwheel.chaos.story import Story
from cartwheel.consistency import CheckResult, Report
from cartwheel.errors import CommandError, UsageError
from cartwheel.local.state_folder import StateFolder
from tests.chaos.test_runs import CART_HUNG

PASSED = Report({"ok": 9, "refused": 0, "unknown": 0}, [CheckResult("exact-sums", passed=3)])
UNDECIDED = Report(PASSED.operations, [CheckResult("sessions", undecided=["Too many overlap."])])
SHOP = Shop(
    StateFolder.at(Path("state")), "http://127.0.0.1:1", "sqlite", is_own=False, has_chaos=False
)
RUN = RunResult(SHOP, 7, [CART_HUNG], PASSED, was_interrupted=False)


@pytest.fixture
def output() -> StringIO:
    return StringIO()


@pytest.fixture
def story(output: StringIO) -> Story:
    return Story(Console(file=output, width=200))


def test_undecided_checks_do_not_say_that_nothing_was_lost(story: Story, output: StringIO) -> None:
    story.checks(UNDECIDED)
    assert output.getvalue() == "! Not decided: Too many overlap.\n"


def test_a_probe_that_was_not_measured_does_not_hold(story: Story, output: StringIO) -> None:
    nothing = ProbeFigures(sent=0, ok=0, slowest=0.0)
    result = replace(CART_HUNG, probes={**CART_HUNG.probes, "browse": nothing})
    assert not result.is_good
    story.result(result)
    assert "✗ The list of products succeeds in 95% of all cases: not measured" in output.getvalue()


def test_what_was_not_undone_is_told(story: Story, output: StringIO) -> None:
    story.result(replace(CART_HUNG, undo_problem="The process is gone."))
    assert "✗ Not undone: The process is gone.\n" in output.getvalue()


def test_what_happens_is_written_for_programs_while_it_happens(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with open_events(file) as events:
        story = Story(Console(quiet=True), events)
        story.begins()
        story.injected(CART_HUNG.fault)
        story.seen(CART_HUNG.fault, CART_HUNG.symptom)
        assert _events_in(file)[-1]["after"] == 1.0
        story.ended(CART_HUNG.fault)
        story.result(CART_HUNG)
        story.settles()
        story.checks(PASSED)
    written = _events_in(file)
    names = ["begins", "injected", "seen", "ended", "result", "settles", "checked"]
    assert [one["event"] for one in written] == names
    assert written[4]["result"] == CART_HUNG.as_json


def test_a_file_for_events_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"), open_events(tmp_path):
        pass


def _events_in(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_only_a_run_that_came_to_its_end_went_as_it_must() -> None:
    assert (_conclusion(RUN), _exit_code(RUN)) == ("All went as it must.", 0)
    early = replace(RUN, was_interrupted=True)
    assert _conclusion(early).startswith("Ended early")
    assert _exit_code(early) == 130
    unseen = replace(CART_HUNG, lasted=1.0, symptom=replace(CART_HUNG.symptom, after=None))
    short = replace(RUN, faults=[unseen])
    assert _conclusion(short) == "All held, but it ended before one had to see it: cart-hung."


def test_a_run_without_a_fault_is_not_good() -> None:
    assert _exit_code(replace(RUN, faults=[])) == 1
    assert _exit_code(replace(RUN, faults=[], was_interrupted=True)) == 130


async def test_what_was_measured_is_kept_if_the_history_cannot_be_checked(
    story: Story, output: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def follow(*arguments: Any) -> Report:
        arguments[-1].append(CART_HUNG)
        raise CommandError("The shop has gone.")

    monkeypatch.setattr(run, "_follow", follow)
    nothing: Any = None
    choice = Choice(iter([]), [], 20.0, 7)
    result = await run_plan(choice, SHOP, nothing, story, folder=Path())
    assert result.faults == [CART_HUNG]
    assert not result.is_good
    assert result.as_json["problem"] == "The shop has gone."
    assert output.getvalue() == "✗ Not checked: The shop has gone.\n"


def test_the_command_that_repeats_a_run_has_all_its_options() -> None:
    own = replace(RUN, shop=replace(SHOP, is_own=True))
    assert _repeated("--random", own, rate=30, minutes=2, seconds=3) == (
        "chaos run --random --seed 7 --rate 30 --minutes 2 --seconds 3 --stores sqlite"
    )
    assert _repeated("cart-hung", RUN, rate=20, minutes=None, seconds=None) == (
        "chaos run cart-hung --seed 7 --rate 20"
    )

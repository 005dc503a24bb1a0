"""An empty or old map says why, and what to do."""

from dataclasses import replace
from pathlib import Path

from cartwheel.console.local.problems import (
    ScrapeFailure,
    problem_of_recording,
    problem_of_run,
    problem_of_scrapes,
)
from cartwheel.local.run_state import Phase, RunState
from cartwheel.local.state_folder import StateFolder

FOLDER = StateFolder(Path("/shop/state"))
RUN = RunState(1, 100.0, "running", autoscaled="cart")


def run_problem(phase: Phase | None, *, lost_at: float | None = None) -> str:
    run = None if phase is None else replace(RUN, phase=phase)
    return problem_of_run(FOLDER.root, run, lost_at=lost_at)


def recording_problem(run: RunState, *, last_sync: float | None, now: float) -> str:
    return problem_of_recording(
        FOLDER.recording, last_sync=last_sync, sync_period=1.0, run=run, now=now
    )


def test_a_shop_that_is_gone_says_since_when_and_how_to_start_it() -> None:
    assert "Nothing runs in /shop/state. To start it:" in run_problem(None)
    assert "The shop ended at " in run_problem(None, lost_at=1.0)
    assert run_problem(None, lost_at=1.0).endswith("up --state-dir /shop/state")


def test_a_shop_that_cannot_be_followed_says_why() -> None:
    refusal = "The supervisor is of another version than this console."
    found = problem_of_run(FOLDER.root, None, lost_at=None, refusal=refusal)
    assert found.startswith(f"{refusal} To start it anew: ")


def test_a_shop_that_starts_or_stops_says_so() -> None:
    assert run_problem("starting").startswith("The shop is starting")
    assert run_problem("stopping").startswith("The shop is stopping")
    assert run_problem("running") == ""


def test_of_replicas_that_cannot_be_scraped_the_first_one_is_described() -> None:
    reason = "does not respond to a scrape"
    failures = [
        ScrapeFailure("cart", "cart-b", 20.0, reason),
        ScrapeFailure("cart", "cart-a", 10.0, reason),
    ]
    found = problem_of_scrapes(FOLDER, failures)
    assert found.startswith("cart-a (and cart-b) does not respond to a scrape since ")
    assert found.endswith("Its log: /shop/state/logs/cart/cart-a.log")
    assert problem_of_scrapes(FOLDER, []) == ""


def test_a_recording_that_stands_still_makes_the_panel_old() -> None:
    assert recording_problem(RUN, last_sync=200.0, now=203.0) == ""
    assert "recorded nothing in /shop/state/autoscaling.jsonl" in recording_problem(
        RUN, last_sync=200.0, now=206.0
    )


def test_a_new_run_has_a_moment_for_its_first_decision() -> None:
    assert recording_problem(RUN, last_sync=50.0, now=104.0) == ""
    assert recording_problem(RUN, last_sync=None, now=106.0)


def test_without_an_autoscaler_nothing_has_to_be_recorded() -> None:
    assert recording_problem(replace(RUN, autoscaled=None), last_sync=None, now=900.0) == ""

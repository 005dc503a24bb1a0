"""Why the map is empty, old or incomplete, and what to do about it, in a sentence or two."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cartwheel.explain.times import show_time
from cartwheel.invocation import display_path
from cartwheel.local.command_lines import command_line
from cartwheel.local.run_state import RunState
from cartwheel.local.state_folder import StateFolder

MIN_SECONDS_WITHOUT_SYNC = 5.0
MIN_PERIODS_WITHOUT_SYNC = 3


@dataclass(frozen=True)
class ScrapeFailure:
    """``reason`` completes "the replica …"."""

    service: str
    replica: str
    since: float
    reason: str


def problem_of_run(
    root: Path, run: RunState | None, *, lost_at: float | None, refusal: str = ""
) -> str:
    """Empty for a shop that runs; ``refusal`` is why one that runs cannot be followed."""
    if run is None and refusal:
        restart = command_line(root, "down")
        return f"{refusal} To start it anew: {restart}, then {command_line(root, 'up')}"
    if run is None:
        start = f"To start it: {command_line(root, 'up')}"
        if lost_at is None:
            return f"Nothing runs in {display_path(root)}. {start}"
        return f"The shop ended at {show_time(lost_at)}. {start}"
    if run.phase == "starting":
        return "The shop is starting: it takes a few seconds."
    if run.phase == "stopping":
        return "The shop is stopping: it finishes the requests that it has accepted."
    return ""


def problem_of_scrapes(folder: StateFolder, failures: Sequence[ScrapeFailure]) -> str:
    """Names the replica that fails the longest."""
    if not failures:
        return ""
    first, *others = sorted(failures, key=lambda one: one.since)
    beside = f" (and {', '.join(one.replica for one in others)})" if others else ""
    log = folder.log_folder(first.service) / f"{first.replica}.log"
    return (
        f"{first.replica}{beside} {first.reason} since {show_time(first.since)}: "
        f"figures are missing. Its log: {display_path(log)}"
    )


def problem_of_recording(
    path: Path, *, last_sync: float | None, sync_period: float, run: RunState, now: float
) -> str:
    """Empty while syncs are recorded, and for a shop without an autoscaler."""
    if run.autoscaled is None or run.phase != "running":
        return ""
    longest = max(MIN_SECONDS_WITHOUT_SYNC, MIN_PERIODS_WITHOUT_SYNC * sync_period)
    since = run.started_at if last_sync is None else max(last_sync, run.started_at)
    if now - since <= longest:
        return ""
    return (
        f"The autoscaler has recorded nothing in {display_path(path)} since {show_time(since)}: "
        "its panel is old. The terminal of the shop says why."
    )

"""What became of a fault that the console has begun, in one sentence."""

import time
from dataclasses import asdict
from typing import Any

from cartwheel.console.faults.breakage import Breakage
from cartwheel.mesh import Mark
from cartwheel.mesh.mark import HAS_ENDED


def running_as_json(breakage: Breakage) -> dict[str, Any]:
    """Its state, and what was measured of its symptom until now."""
    return {**asdict(breakage.state), "symptom": asdict(breakage.symptom)}


def outcome_as_json(breakage: Breakage) -> dict[str, Any]:
    """``passed`` is None if it cannot be said, or not yet: while it is ``watched``."""
    return {
        "fault": breakage.fault.id,
        "title": breakage.fault.title,
        "at": breakage.began_at,
        "sentence": outcome_sentence(breakage),
        "watched": breakage.is_watched,
        "passed": _has_passed(breakage),
        "symptom": asdict(breakage.symptom),
        "recovery": breakage.recovery,
    }


def outcome_sentence(breakage: Breakage) -> str:
    """Seen after 0.8 s, as before 1.2 s after its end."""
    if breakage.undo_problem:
        return f"Not undone: {breakage.undo_problem}"
    after = breakage.symptom.after
    if after is None:
        seen = "Not seen: too few requests met it; a mixed load (L) has all kinds"
    else:
        seen = f"Seen after {after:.1f} s"
    return f"{seen}{_recovery(breakage)}."


def beginning(breakage: Breakage) -> Mark:
    """The mark on the time axis."""
    return Mark(breakage.began_at, "fault", breakage.fault.id, breakage.fault.breaks)


def ending(breakage: Breakage) -> Mark:
    """The mark when it has been undone, or could not be."""
    after = breakage.symptom.after
    seen = "Not seen." if after is None else f"Seen after {after:.1f} s."
    detail = breakage.undo_problem or f"{seen} {breakage.fault.ends}"
    return Mark(time.time(), "fault", f"{breakage.fault.id}{HAS_ENDED}", detail)


def _recovery(breakage: Breakage) -> str:
    if breakage.symptom.after is None and not breakage.fault.is_instant:
        return ""
    since = "the kill" if breakage.fault.is_instant else "its end"
    if breakage.recovery is not None:
        return f", as before {breakage.recovery:.1f} s after {since}"
    return (
        ", not yet as before" if breakage.is_watched else f", not as before in time after {since}"
    )


def _has_passed(breakage: Breakage) -> bool | None:
    fault = breakage.fault
    if breakage.undo_problem:
        return False
    if breakage.recovery is None:
        return None if breakage.is_watched else False
    if breakage.symptom.after is None:
        return None
    return breakage.recovery <= fault.recovers_within

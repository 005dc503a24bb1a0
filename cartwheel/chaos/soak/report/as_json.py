"""All that is known of a soak, as JSON."""

import json
from dataclasses import asdict

from cartwheel.chaos.soak.costs import costs_of
from cartwheel.chaos.soak.session import MAX_MEMORY_GROWTH, Soak


def to_json(soak: Soak) -> str:
    """Times are seconds since the epoch, durations seconds."""
    document = {
        "passed": soak.passed,
        "plan": asdict(soak.plan),
        "started_at": soak.started_at,
        "ended_early": soak.ended_early,
        "problems": soak.problems,
        "operations": soak.operations,
        "checks": soak.report.as_json() if soak.report else None,
        "changes": [_flat(asdict(cost)) for cost in costs_of(soak)],
        "not_done": [asdict(change) for change in soak.changes if not change.is_done],
        "memory": {
            "growth": soak.memory_growth,
            "max_growth": MAX_MEMORY_GROWTH,
            "parts": [{**asdict(one), "growth": one.growth} for one in soak.memory],
        },
        "total": asdict(soak.total) if soak.total else None,
        "figures": [asdict(figures) for figures in soak.figures],
    }
    return json.dumps(document, indent=1) + "\n"


def _flat(cost: dict[str, object]) -> dict[str, object]:
    change = cost.pop("change")
    assert isinstance(change, dict)
    return {**change, **cost}

"""All that is known of a load, as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from cartwheel.load.expectations import Outcome
from cartwheel.load.session import Session


def to_json(session: Session, outcomes: Sequence[Outcome]) -> str:
    """Times are seconds since the epoch, durations seconds."""
    document = {
        "target": session.target,
        "scenario": session.scenario,
        "stages": [asdict(stage) for stage in session.stages],
        "total": asdict(session.total) if session.total else None,
        "expectations": [asdict(outcome) for outcome in outcomes],
        "consistency": session.consistency.as_json() if session.consistency else None,
        "service": session.service,
        "replicas": [asdict(counts) for counts in session.replicas],
        "decisions": [asdict(decision) for decision in session.decisions],
        "outages": [asdict(outage) for outage in session.outages],
        "figures": [asdict(figures) for figures in session.figures],
    }
    return json.dumps(document, indent=1)

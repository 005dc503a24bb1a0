"""What the samples of a symptom's query say: when it was seen, and since when it has gone.

Samples are times of the monotonic clock with the value then; None is a query without a result.
"""

from collections.abc import Sequence

from cartwheel.chaos.catalogue import Symptom
from cartwheel.chaos.metrics import SCRAPE_INTERVAL
from cartwheel.chaos.results import SymptomSeen

Samples = Sequence[tuple[float, float | None]]


def is_shown(symptom: Symptom, samples: Samples) -> bool:
    """Whether the symptom shows in the last sample."""
    _, value = samples[-1]
    return symptom.is_seen(value or 0.0)


def seen_since(symptom: Symptom, samples: Samples, started: float) -> SymptomSeen:
    """What was seen of it since a fault has started."""
    values = [(at, 0.0 if value is None else value) for at, value in samples]
    before = [value for at, value in values if at <= started]
    during = [(at, value) for at, value in values if at > started]
    seen = next((at - started for at, value in during if symptom.is_seen(value)), None)
    furthest = max if symptom.above is not None else min
    return SymptomSeen(
        after=seen,
        value=furthest((value for _, value in during), default=None),
        before=before[-1] if before else None,
    )


def gone_since(symptom: Symptom, samples: Samples, since: float) -> float | None:
    """When the symptom has gone; None while it shows, or before there is a sample.

    A rate shows for the time of its range what is over.
    """
    later = [(at, value) for at, value in samples if at > since]
    if not later or is_shown(symptom, samples):
        return None
    shown = [at for at, value in later if symptom.is_seen(value or 0.0)]
    memory = symptom.parsed.longest_range + SCRAPE_INTERVAL
    return max(shown[-1] - memory, since) if shown else since

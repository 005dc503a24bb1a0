"""What an exported page has in itself: frames, charts, and the sentences of each moment."""

import gzip
import json
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from cartwheel.console.explanation_json import explanation_json
from cartwheel.console.history.points import columns
from cartwheel.console.sessions.recorded_session import RecordedSession
from cartwheel.errors import CommandError

MAX_FRAMES = 2000
MAX_POINTS = 2000
READ_ONLY = "This is a saved session: nothing can be changed."


@dataclass(frozen=True)
class Embedding:
    """The compressed session. ``spacing``: seconds between two frames, if it was thinned."""

    compressed: bytes
    frames: int
    spacing: float | None


def embed(recorded: RecordedSession, *, title: str, max_size: int) -> Embedding:
    """The session, thinned as far as needed to have at most ``max_size`` bytes."""
    start, end = recorded.span()
    times = [one.at for one in recorded.archive.points(start, end)]
    marked = {one.at for one in recorded.archive.marks(start, end)}
    every = math.ceil(len(times) / MAX_FRAMES)
    while True:
        kept = _thinned(times, marked, every)
        spacing = every * (end - start) / max(1, len(times) - 1) if every > 1 else None
        compressed = _compressed(_document(recorded, kept, title, spacing))
        if len(compressed) <= max_size or every >= len(times):
            return Embedding(compressed, len(kept), spacing)
        # A little more than the excess, so that the next try is the last one.
        every = max(every + 1, math.ceil(every * 1.1 * len(compressed) / max_size))


def _thinned(times: Sequence[float], marked: Set[float], every: int) -> list[float]:
    """One in so many, and those in which something happens."""
    kept = {*times[::every], *times[-1:]}
    for at in marked:
        kept.update(times[bisect_left(times, at) :][:1])
    return sorted(kept)


def _document(
    recorded: RecordedSession, times: Sequence[float], title: str, spacing: float | None
) -> dict[str, Any]:
    start, end = recorded.span()
    archive = recorded.archive
    marks = archive.marks(start, end)
    # The slider stops at whole seconds, and a decision is asked about at its own time.
    moments = {float(math.ceil(at)) for at in times} | {one.at for one in marks}
    explanations, manifests = _explanations(recorded, sorted(moments))
    points = columns(archive.points(start, end), start=start, end=end, count=MAX_POINTS)
    frames = [json.loads(one.json) for one in map(archive.frame_at, times) if one]
    metric, unit = _metric(frames)
    note = f", one frame in {spacing:.0f} s" if spacing else ""
    return {
        "info": {
            "mode": "recording",
            "title": f"{title}{note}",
            "shop_url": None,
            "start": start,
            "end": end,
            "parts": {"load": False, "faults": False, "autoscaler": False},
            "read_only_reason": READ_ONLY,
        },
        "frames": frames,
        "points": points,
        "marks": [asdict(one) for one in marks],
        "metric": metric,
        "unit": unit,
        "explanations": explanations,
        "manifests": manifests,
    }


def _explanations(
    recorded: RecordedSession, moments: Sequence[float]
) -> tuple[list[dict[str, Any]], list[str]]:
    """With the text of a manifest in the list of all, which is short."""
    manifests: list[str] = []
    found = []
    for moment, explanation in _explained(recorded, moments):
        text = explanation["manifest"]
        if text not in manifests:
            manifests.append(text)
        found.append({**explanation, "moment": moment, "manifest": manifests.index(text)})
    return found, manifests


def _explained(
    recorded: RecordedSession, moments: Sequence[float]
) -> Iterator[tuple[float, dict[str, Any]]]:
    for moment in moments:
        try:
            yield moment, explanation_json(recorded.explanation(moment))
        except CommandError:
            continue


def _metric(frames: Sequence[dict[str, Any]]) -> tuple[str, str]:
    autoscalers = [one["autoscaler"] for one in frames if one["autoscaler"]]
    return (autoscalers[-1]["metric"], autoscalers[-1]["unit"]) if autoscalers else ("", "")


def _compressed(document: dict[str, Any]) -> bytes:
    """The same document gives the same bytes."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), mtime=0)

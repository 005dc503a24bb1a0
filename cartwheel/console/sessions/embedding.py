"""What an exported page has in itself: frames, charts, and the sentences of each moment."""

import gzip
import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from cartwheel.console.explanation_json import explanation_json
from cartwheel.console.history.points import columns
from cartwheel.console.sessions.recorded_session import RecordedSession

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
    every = max(1, math.ceil(len(times) / MAX_FRAMES))
    document = _document(recorded, _thinned(times, marked, every), title)
    while True:
        spacing = every * (end - start) / max(1, len(times) - 1) if every > 1 else None
        compressed = _compressed(document, spacing)
        if len(compressed) <= max_size or every >= len(times):
            return Embedding(compressed, len(document["frames"]), spacing)
        every *= 2
        document = _reduced(document, set(_thinned(times, marked, every)))


def _thinned(times: Sequence[float], marked: Set[float], every: int) -> list[float]:
    """One in so many, and those in which something happens."""
    kept = {*times[::every], *times[-1:]}
    for at in marked:
        kept.update(times[bisect_left(times, at) :][:1])
    return sorted(kept)


def _document(recorded: RecordedSession, times: Sequence[float], title: str) -> dict[str, Any]:
    start, end = recorded.span()
    archive = recorded.archive
    marks = archive.marks(start, end)
    points = columns(archive.points(start, end), start=start, end=end, count=MAX_POINTS)
    explanations, manifests = _explanations(recorded, _moments(times, [one.at for one in marks]))
    frames = [json.loads(one.json) for one in map(archive.frame_at, times) if one]
    metric, unit = _metric(frames)
    return {
        "info": {
            "mode": "recording",
            "title": title,
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


def _moments(times: Iterable[float], marked: Iterable[float]) -> list[float]:
    """The slider stops at whole seconds, and a decision is asked about at its own time."""
    return sorted({*(float(math.ceil(at)) for at in times), *marked})


def _explanations(
    recorded: RecordedSession, moments: Sequence[float]
) -> tuple[list[dict[str, Any]], list[str]]:
    """With the text of a manifest in the list of all, which is short."""
    manifests: list[str] = []
    found = []
    for moment, explanation in recorded.explanations(moments):
        if explanation.manifest not in manifests:
            manifests.append(explanation.manifest)
        place = manifests.index(explanation.manifest)
        found.append({**explanation_json(explanation), "moment": moment, "manifest": place})
    return found, manifests


def _reduced(document: dict[str, Any], times: Set[float]) -> dict[str, Any]:
    """With the frames of these times only, and what explains them."""
    moments = set(_moments(times, [one["at"] for one in document["marks"]]))
    return {
        **document,
        "frames": [one for one in document["frames"] if one["at"] in times],
        "explanations": [one for one in document["explanations"] if one["moment"] in moments],
    }


def _metric(frames: Sequence[dict[str, Any]]) -> tuple[str, str]:
    autoscalers = [one["autoscaler"] for one in frames if one["autoscaler"]]
    return (autoscalers[-1]["metric"], autoscalers[-1]["unit"]) if autoscalers else ("", "")


def _compressed(document: dict[str, Any], spacing: float | None) -> bytes:
    """The same document gives the same bytes; its title says that it was thinned."""
    info = document["info"]
    if spacing is not None:
        info = {**info, "title": f"{info['title']}, one frame in {spacing:.0f} s"}
    text = json.dumps({**document, "info": info}, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), mtime=0)

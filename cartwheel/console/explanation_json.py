"""An explanation as the page gets it."""

from typing import Any

from cartwheel.explain.explanation import Explanation


def no_explanation_json(at: float, why: str) -> dict[str, Any]:
    """The same shape where there is nothing to explain: a note says why."""
    return explanation_json(Explanation("", source="", at=at, sentences=[], notes=[why]))


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """The sentences of `cartwheel explain`, and the YAML in force then."""
    return {
        "title": explanation.title,
        "at": explanation.at,
        "source": explanation.source,
        "sentences": [{"text": one.text, "basis": one.basis} for one in explanation.sentences],
        "outlook": [{"text": one.text, "basis": one.basis} for one in explanation.outlook],
        "notes": list(explanation.notes),
        "manifest": explanation.manifest,
    }

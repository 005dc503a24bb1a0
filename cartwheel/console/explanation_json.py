"""An explanation as the page gets it."""

from typing import Any

from cartwheel.explain.explanation import Explanation


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

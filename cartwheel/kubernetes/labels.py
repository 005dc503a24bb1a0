"""Label selectors as the query of a URL has them."""

from cartwheel.autoscaling.label_selector import Operator, Requirement, selector_text
from cartwheel.kubernetes.api import Json


def query_of(selector: Json | None) -> str:
    """`a=b,c in (d,e)` of a LabelSelector; empty for none."""
    if not selector:
        return ""
    requirements = [
        Requirement(one["key"], Operator(one["operator"]), one.get("values") or ())
        for one in selector.get("matchExpressions") or ()
    ]
    return selector_text(selector.get("matchLabels") or {}, requirements)

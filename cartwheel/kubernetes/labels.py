"""Label selectors as the query of a URL has them."""

from cartwheel.kubernetes.api import Json

_OPERATORS = {"In": "in", "NotIn": "notin"}


def selector_text(selector: Json | None) -> str:
    """`a=b,c in (d,e)` of a LabelSelector, sorted by label; empty for none."""
    if not selector:
        return ""
    equal = [(name, f"{name}={value}") for name, value in selector.get("matchLabels", {}).items()]
    expressions = [(one["key"], _expression(one)) for one in selector.get("matchExpressions", ())]
    return ",".join(text for _, text in sorted(equal + expressions))


def _expression(requirement: Json) -> str:
    label: str = requirement["key"]
    operator = requirement["operator"]
    if operator == "Exists":
        return label
    if operator == "DoesNotExist":
        return f"!{label}"
    values = ",".join(sorted(requirement["values"]))
    return f"{label} {_OPERATORS[operator]} ({values})"

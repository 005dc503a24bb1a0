"""A label selector of a manifest, as the text that the API prints: `app=cart,tier in (a,b)`."""

from enum import StrEnum

from cartwheel.autoscaling.manifests.fields import Fields


class Operator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


def read_selector(parent: Fields) -> str:
    """Empty without a selector."""
    fields = parent.optional_mapping("selector")
    if fields is None:
        return ""
    with fields:
        terms = [(key, f"{key}={value}") for key, value in fields.texts("matchLabels").items()]
        terms += [_read_expression(one) for one in fields.items("matchExpressions")]
    return ",".join(term for _, term in sorted(terms))


def _read_expression(fields: Fields) -> tuple[str, str]:
    with fields:
        key = fields.text("key")
        operator = fields.choice("operator", Operator)
        values = ",".join(sorted(fields.item_texts("values")))
        if bool(values) != (operator in (Operator.IN, Operator.NOT_IN)):
            needed = "must not be set" if values else "must be set"
            fields.report(f"{needed} with the operator {operator}", "values")
    terms = {
        Operator.IN: f"{key} in ({values})",
        Operator.NOT_IN: f"{key} notin ({values})",
        Operator.EXISTS: key,
        Operator.DOES_NOT_EXIST: f"!{key}",
    }
    return key, terms[operator]

"""A label selector of a manifest."""

from cartwheel.autoscaling.label_selector import Operator, Requirement, selector_text
from cartwheel.autoscaling.manifests.fields import Fields


def read_selector(parent: Fields) -> str:
    """As the API prints it. Empty without a selector."""
    fields = parent.optional_mapping("selector")
    if fields is None:
        return ""
    with fields:
        labels = fields.texts("matchLabels")
        requirements = [_read_requirement(one) for one in fields.items("matchExpressions")]
    return selector_text(labels, requirements)


def _read_requirement(fields: Fields) -> Requirement:
    with fields:
        found = Requirement(
            fields.text("key"), fields.choice("operator", Operator), fields.item_texts("values")
        )
        if bool(found.values) != (found.operator in (Operator.IN, Operator.NOT_IN)):
            needed = "must not be set" if found.values else "must be set"
            fields.report(f"{needed} with the operator {found.operator}", "values")
    return found

"""A label selector as the text that the API prints and reads: `app=cart,tier in (a,b)`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True)
class Requirement:
    """One of `matchExpressions`."""

    key: str
    operator: Operator
    values: Sequence[str] = ()

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case Operator.IN:
                return f"{self.key} in ({values})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({values})"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"


def selector_text(labels: Mapping[str, str], requirements: Iterable[Requirement]) -> str:
    """The terms sorted by their label."""
    terms = [(key, f"{key}={value}") for key, value in labels.items()]
    terms += [(one.key, str(one)) for one in requirements]
    return ",".join(text for _, text in sorted(terms))

"""One sentence of an explanation, and what it rests on."""

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """Measured: read from the workload. Computed: a rule applied. Inferred: our conclusion."""

    MEASURED = "measured"
    COMPUTED = "computed"
    INFERRED = "inferred"


@dataclass(frozen=True)
class Sentence:
    text: str
    basis: Basis


def number_of_replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"

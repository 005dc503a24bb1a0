"""What is wrong in a manifest."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """``path`` names the field, `spec.metrics[0].type` for example."""

    message: str
    source: str
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ManifestError(Exception):
    """Manifests cannot be read; there is one line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

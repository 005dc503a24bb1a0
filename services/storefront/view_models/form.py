"""A form as its page shows it: what was typed, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Form:
    """``errors`` go by field name, in the order of the fields.

    ``problem`` and ``advice`` are about the whole form, ``details`` are the items of a problem.
    ``status`` is the status of the page that shows the form.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    advice: str = ""
    details: Sequence[str] = ()
    tone: Literal["error", "wait"] = "error"
    request_id: str | None = None
    status: int = 200

    @property
    def is_valid(self) -> bool:
        return not self.errors and not self.problem

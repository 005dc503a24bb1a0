"""Lessons: a fault each, a question before it, and what explains what happened.

They are data (`lessons.yaml`), read strictly. What is measured and what must hold is in the
catalogue of faults.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from cartwheel.chaos.catalogue import Fault, ProbeName, find_fault
from cartwheel.chaos.words import describe_hold
from cartwheel.errors import UsageError
from cartwheel.strict_yaml import read_yaml

FILE = Path(__file__).with_name("lessons.yaml")
Sentences = Annotated[str, Field(min_length=10, max_length=600, pattern=r"^[A-Z].*\.$")]
Name = Annotated[str, Field(min_length=2, max_length=80)]

QUESTIONS: Mapping[ProbeName, str] = {
    "home": "Does the home page still open?",
    "browse": "Can shoppers still list the products?",
    "cart-read": "Do shoppers still see their carts?",
    "cart-add": "Can shoppers still add to their carts?",
    "account": "Can shoppers still read their accounts?",
    "orders": "Do shoppers still see their orders?",
    "checkout": "Do shoppers still check out?",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Watch(_Strict):
    """What to look at meanwhile; names are those of the map."""

    sentence: Sentences
    services: list[Name] = []
    edges: list[Name] = []
    stores: list[Name] = Field(default=[], description="Names of the services that own them.")


class Code(_Strict):
    """Where a behaviour is written: a file of the project, and a text in it to look for."""

    file: Name
    look_for: Name
    what: Name


class Lesson(_Strict):
    """``fault`` is its name in the catalogue, for each set of stores."""

    id: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=40)
    title: str = Field(min_length=3, max_length=40)
    idea: Sentences = Field(description="What it teaches, before the question.")
    fault: dict[Literal["sqlite", "real"], Name]
    questions: list[ProbeName] = Field(min_length=1, max_length=3)
    watch: Watch
    why: Sentences = Field(description="After the response of the fault: why the shop does that.")
    code: list[Code] = Field(min_length=1, max_length=3)

    def fault_for(self, stores: str) -> Fault:
        """The fault for a shop with these stores. Raises `UsageError`."""
        return find_fault(self.fault["real" if stores == "real" else "sqlite"])


_LESSONS = TypeAdapter(list[Lesson])


@cache
def lessons() -> Mapping[str, Lesson]:
    """All of them, in the order in which they teach. Raises `UsageError`."""
    return {lesson.id: lesson for lesson in read_lessons(FILE)}


def read_lessons(file: Path) -> list[Lesson]:
    """Raises `UsageError`."""
    return read_yaml(file, _LESSONS)


def find_lesson(name: str) -> Lesson:
    """Raises `UsageError`."""
    if name not in lessons():
        raise UsageError(f"There is no lesson {name!r}: there are {', '.join(lessons())}.")
    return lessons()[name]


def lesson_as_json(lesson: Lesson, fault: Fault) -> dict[str, Any]:
    """With what the page shows of its fault."""
    return {
        **lesson.model_dump(mode="json", exclude={"questions", "fault"}),
        "questions": [{"probe": probe, "question": QUESTIONS[probe]} for probe in lesson.questions],
        "holds": [_sentence(describe_hold(hold)) for hold in fault.holds],
        "fault": fault.id,
        "breaks": fault.breaks,
        "response": fault.response,
        "unit": fault.symptom.unit,
        "instant": fault.is_instant,
    }


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."

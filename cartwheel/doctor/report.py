"""The report of a diagnosis: for a person, or as JSON for programs."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from cartwheel.doctor.check import Examination
from cartwheel.doctor.diagnosis import Diagnosed, diagnose
from cartwheel.doctor.finding import Severity
from cartwheel.doctor.words import count
from cartwheel.printing import LINE_WIDTH, new_console

# The indentation needs some of it.
MIN_WIDTH = 20
MARKS = {Severity.PROBLEM: Text("✗", "red"), Severity.RISK: Text("!", "yellow")}


@dataclass(frozen=True)
class Area:
    """A part of the world that was examined: this machine, or a namespace of a cluster."""

    name: str
    examinations: Sequence[Examination]


@dataclass(frozen=True)
class Report:
    """Everything that was examined."""

    areas: Sequence[Area]

    @property
    def examinations(self) -> Sequence[Examination]:
        return [each for area in self.areas for each in area.examinations]

    @property
    def found_nothing(self) -> bool:
        """Whether every check ran and none has a finding."""
        return not any(each.findings or each.failure for each in self.examinations)

    def print(self) -> None:
        """Print it on stdout; colour only on a terminal, never with NO_COLOR."""
        console = new_console()
        for line in self.lines(min(console.width, LINE_WIDTH)):
            console.print(line, soft_wrap=True, markup=False)

    def lines(self, width: int) -> Iterator[str | Text]:
        width = max(width, MIN_WIDTH)
        diagnosis = diagnose(self.examinations)
        for diagnosed in diagnosis:
            yield from _finding(diagnosed, width)
            yield ""
        looked_at = [line for area in self.areas for line in _looked_at(area, width)]
        conclusion = f"{self._conclusion(diagnosis)}.{' Looked at:' if looked_at else ''}"
        yield from _wrapped(conclusion, width)
        yield from looked_at

    def as_json(self) -> str:
        """The findings in reading order, and what each check saw."""
        content = {
            "found_nothing": self.found_nothing,
            "findings": [*_flat(diagnose(self.examinations))],
            "areas": [
                {"name": area.name, "checks": [_as_dict(each) for each in area.examinations]}
                for area in self.areas
            ],
        }
        return json.dumps(content, indent=2, ensure_ascii=False)

    def _conclusion(self, diagnosis: Sequence[Diagnosed]) -> str:
        severities = [each.finding.severity for each in diagnosis]
        counts = [
            count(severities.count(severity), severity.value)
            for severity in Severity
            if severity in severities
        ]
        failed = sum(1 for each in self.examinations if each.failure)
        if failed:
            counts.append(f"{count(failed, 'check')} that failed")
        return ", ".join(counts) or "Nothing is wrong"


def _finding(diagnosed: Diagnosed, width: int) -> Iterator[str | Text]:
    finding = diagnosed.finding
    first, *rest = _wrapped(f"{finding.about}: {finding.problem}", width - 2)
    yield Text.assemble(MARKS[finding.severity], " ", (first, "bold"))
    yield from (Text(f"  {line}", "bold") for line in rest)
    yield from _wrapped(f"How it knows: {finding.evidence}", width, "  ")
    yield "  To mend it:"
    yield from (f"    {line}" for line in finding.command.splitlines())
    if diagnosed.consequences:
        yield "  What follows from it:"
        yield from _consequences(diagnosed, width, "    ")


def _consequences(diagnosed: Diagnosed, width: int, indent: str) -> Iterator[str]:
    for each in diagnosed.consequences:
        text = f"{each.finding.about}: {each.finding.problem}"
        yield from _wrapped(f"- {text}", width, indent)
        yield from _consequences(each, width, f"{indent}  ")


def _looked_at(area: Area, width: int) -> Iterator[str]:
    healthy = [text for each in area.examinations for text in each.healthy]
    if healthy:
        yield from _wrapped(f"{area.name}: {'; '.join(healthy)}.", width, "  ")
    unseen = dict.fromkeys(text.rstrip(".") for each in area.examinations for text in each.unseen)
    if unseen:
        subject = "Not seen" if healthy else f"{area.name}, not seen"
        sentence = _sentence(f"{subject}: {'; '.join(unseen)}")
        yield from _wrapped(sentence, width, "    " if healthy else "  ")
    for each in area.examinations:
        if each.failure:
            failure = _sentence(f"The check {each.check} failed: {each.failure}")
            yield from _wrapped(failure, width, "    ")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _flat(diagnosis: Sequence[Diagnosed], cause: Diagnosed | None = None) -> Iterator[Any]:
    for each in diagnosis:
        yield {
            "check": each.check,
            "severity": each.finding.severity.value,
            "about": each.finding.about,
            "problem": each.finding.problem,
            "evidence": each.finding.evidence,
            "command": each.finding.command,
            "follows_from": f"{cause.check} {cause.finding.about}" if cause else None,
        }
        yield from _flat(each.consequences, each)


def _as_dict(examination: Examination) -> dict[str, Any]:
    return {
        "check": examination.check,
        "findings": len(examination.findings),
        "healthy": [*examination.healthy],
        "unseen": [*examination.unseen],
        "failure": examination.failure,
    }

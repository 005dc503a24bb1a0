"""What a run tells: one plain line for each thing that happened, as it happens."""

from dataclasses import asdict
from typing import Literal

from rich.console import Console
from rich.text import Text

from cartwheel.chaos.catalogue import Fault, Hold
from cartwheel.chaos.events import EventFile
from cartwheel.chaos.results import FaultResult, ProbeFigures, SymptomSeen
from cartwheel.chaos.words import PROBES, describe_hold
from cartwheel.consistency import Report

Sign = Literal["✓", "✗", "!", "·"]
STYLES = {"✓": "green", "✗": "red", "!": "yellow", "·": "dim"}


class Story:
    """Prints lines, none if the console is quiet, and writes the events that they tell of."""

    def __init__(self, console: Console, events: EventFile | None = None) -> None:
        self._console = console
        self._events = events or EventFile()

    def report(self, sign: Sign, sentence: str) -> None:
        text = Text.assemble((f"{sign} ", STYLES[sign]), sentence)
        self._console.print(text, soft_wrap=not self._console.is_terminal)

    def paste(self, text: str) -> None:
        """On a line of its own, never wrapped, to be pasted elsewhere."""
        self._console.print(Text(f"    {text}", "cyan"), soft_wrap=True)

    def heading(self, text: str) -> None:
        self._console.print(Text(f"\n{text}", "bold"), soft_wrap=True)

    def begins(self) -> None:
        self._events.write("begins")

    def injected(self, fault: Fault) -> None:
        self._events.write("injected", fault=fault.id)
        self.heading(f"{fault.title} ({fault.id})")
        self.report("!", f"Broken now: {fault.breaks}")

    def seen(self, fault: Fault, found: SymptomSeen) -> None:
        self._events.write("seen", fault=fault.id, **asdict(found))
        symptom = fault.symptom
        value, before = _number(found.value, symptom.unit), _number(found.before, symptom.unit)
        what = symptom.sentence.removesuffix(".")
        self.report("✓", f"Seen after {found.after:.1f} s: {what}: {value} (before: {before}).")
        self.paste(symptom.query)

    def ended(self, fault: Fault) -> None:
        self._events.write("ended", fault=fault.id)
        self.report("·", f"Over: {fault.ends}")

    def result(self, result: FaultResult) -> None:
        self._events.write("result", fault=result.fault.id, result=result.as_json)
        if result.problem is not None:
            self.heading(f"{result.fault.title} ({result.fault.id})")
            self.report("✗", f"Not injected: {result.problem}")
            self._undo_problem(result)
            return
        self._undo_problem(result)
        if not result.was_seen_in_time:
            self._unseen(result)
        self._reaction(result)
        for hold, held in result.holds:
            self.report("✓" if held else "✗", _hold_sentence(hold, result.probes[hold.probe], held))
        self._others(result)
        self._recovery(result)

    def _undo_problem(self, result: FaultResult) -> None:
        if result.undo_problem is not None:
            self.report("✗", f"Not undone: {result.undo_problem}")

    def settles(self) -> None:
        self._events.write("settles")
        self._console.print()
        self.report(
            "·", "The shoppers settle what is open, and the history is checked (2 min at most)."
        )

    def checks(self, report: Report) -> None:
        """What was lost."""
        self._events.write("checked", passed=report.passed)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in report.operations.items())
        passed = [one.name for one in report.results if not one.findings and not one.undecided]
        if report.passed:
            checked = ", ".join(passed)
            self.report(
                "✓", f"Nothing was lost, doubled or oversold: {counts}; checked: {checked}."
            )
        for finding in report.findings:
            self.report("✗", f"{finding.check}: {finding.sentence}")
        if report.undecided:
            number = len(report.undecided) - 1
            more = f" (and {number} more)" if number else ""
            self.report("!", f"Not decided: {report.undecided[0]}{more}")

    def _unseen(self, result: FaultResult) -> None:
        symptom, found = result.fault.symptom, result.symptom
        if not result.symptom_was_due:
            self.report("·", f"Not seen before it was over: {symptom.sentence}")
        elif found.after is None:
            value = _number(found.value, symptom.unit)
            self.report("✗", f"Not seen: {symptom.sentence} Measured: {value}.")
        else:
            self.report(
                "✗", f"It was seen late: at most {symptom.appears_within:g} s are expected."
            )
        self.paste(symptom.query)

    def _reaction(self, result: FaultResult) -> None:
        self.report("·", f"The shop: {result.fault.response}")
        if result.reaction_sentences:
            self.report("·", f"Counted: {', '.join(result.reaction_sentences)}.")

    def _others(self, result: FaultResult) -> None:
        named = {hold.probe for hold in result.fault.holds}
        others = {
            name: one for name, one in result.probes.items() if name not in named and one.sent
        }
        if others:
            parts = [f"{PROBES[name]} {one.ok} of {one.sent}" for name, one in others.items()]
            self.report("·", f"Meanwhile succeeded: {', '.join(parts)}.")

    def _recovery(self, result: FaultResult) -> None:
        limit = f"at most {result.fault.recovers_within:g} s"
        since = "the kill" if result.fault.is_instant else "its end"
        if result.recovery is None:
            self.report("✗", f"The shop was not as before in time after {since} ({limit}).")
            return
        sign: Sign = "✓" if result.has_recovered else "✗"
        self.report(sign, f"As before {result.recovery:.1f} s after {since} ({limit}).")


def _hold_sentence(hold: Hold, figures: ProbeFigures, held: bool) -> str:
    what = describe_hold(hold)
    if not figures.sent:
        return f"{what[0].upper()}{what[1:]}: not measured, because no request of it counts."
    measured = f"{figures.ok} of {figures.sent}, the slowest took {figures.slowest:.2f} s"
    return f"{what[0].upper()}{what[1:]}: {measured}{'' if held else ', and that is not enough'}."


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "nothing"
    return f"{value:,.0f}{unit}" if abs(value) >= 1000 else f"{value:.3g}{unit}"

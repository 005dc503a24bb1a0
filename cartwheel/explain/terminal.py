"""Prints explanations: for a person, with colour on a terminal; as JSON for a program."""

import json
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer
from pydantic import ConfigDict, TypeAdapter
from rich.console import Console
from rich.live import Live
from rich.text import Text

from cartwheel.autoscaling.sentence import Basis, Sentence
from cartwheel.errors import CommandError
from cartwheel.explain.explanation import Explanation
from cartwheel.explain.times import show_time

SIGNS = {Basis.MEASURED: "●", Basis.COMPUTED: "=", Basis.INFERRED: "~"}
LEGEND = "   ".join(f"{sign} {basis}" for basis, sign in SIGNS.items())
INDENT = "  "
# A ratio may be infinite, which JSON has no number for.
_JSON: TypeAdapter[Sequence[Explanation]] = TypeAdapter(
    Sequence[Explanation], config=ConfigDict(ser_json_inf_nan="strings")
)


def page(explanations: Sequence[Explanation], *, width: int) -> Text:
    """The explanations one below the other, and what the signs mean."""
    lines = [line for one in explanations for line in _lines(one, width)]
    return Text("\n").join([*lines, Text(LEGEND, "dim")])


def to_json(explanations: Sequence[Explanation]) -> list[dict[str, Any]]:
    """Everything, also what each rule computed."""
    documents = json.loads(_JSON.dump_json(explanations))
    return [
        {"title": one.title, **document}
        for one, document in zip(explanations, documents, strict=True)
    ]


def follow(
    source: Callable[[], Sequence[Explanation]],
    console: Console,
    *,
    as_json: bool,
    pause: Callable[[], None],
) -> None:
    """Until ``pause`` raises: a page that is drawn again; outside a terminal, each change.

    As JSON a change is one line. A failed look is named in one line, but for the first, whose error
    is raised.
    """
    if as_json:
        _follow_changes(
            source, pause, lambda one: console.out(json.dumps(to_json(one)), highlight=False)
        )
        return
    if not console.is_terminal:
        _follow_changes(
            source, pause, lambda one: console.print(page(one, width=console.width), "")
        )
        return
    with Live(console=console, auto_refresh=False) as live:
        for found, error in _looks(source):
            shown = page(found, width=console.width)
            if error is not None:
                shown.append(f"\n{show_time(time.time())}: {error}", "yellow")
            live.update(shown, refresh=True)
            pause()


def _follow_changes(
    source: Callable[[], Sequence[Explanation]],
    pause: Callable[[], None],
    show: Callable[[Sequence[Explanation]], None],
) -> None:
    before: Sequence[Explanation] = ()
    for found, error in _looks(source):
        if error is not None:
            typer.echo(error, err=True)
        elif found != before:
            show(found)
            before = found
        pause()


def _looks(
    source: Callable[[], Sequence[Explanation]],
) -> Iterator[tuple[Sequence[Explanation], CommandError | None]]:
    """What was seen last, without an end, and the error of the look if it failed."""
    found = source()
    yield found, None
    while True:
        error = None
        try:
            found = source()
        except CommandError as failure:
            error = failure
        yield found, error


def _lines(explanation: Explanation, width: int) -> Iterator[Text]:
    seen = f"  {explanation.source}, {show_time(explanation.at)}"
    yield Text.assemble((explanation.title, "bold"), (seen, "dim"))
    headline, *reasons = explanation.sentences
    yield Text(textwrap.fill(headline.text, width), "bold")
    yield from _sentences(reasons, width)
    if explanation.outlook:
        yield Text("Next", "dim")
        yield from _sentences(explanation.outlook, width)
    if explanation.notes:
        yield Text("Not seen", "dim")
        for note in explanation.notes:
            yield Text(_indented(note, INDENT, width), "yellow")
    yield Text()


def _sentences(sentences: Sequence[Sentence], width: int) -> Iterator[Text]:
    for sentence in sentences:
        lead = f"{INDENT}{SIGNS[sentence.basis]} "
        text = Text(_indented(sentence.text, lead, width))
        text.stylize("dim", 0, len(lead))
        yield text


def _indented(text: str, lead: str, width: int) -> str:
    """Long sentences go on below their beginning."""
    return textwrap.fill(
        text,
        width,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )

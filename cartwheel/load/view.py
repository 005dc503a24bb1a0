"""The load as it runs: a live view on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cartwheel.load.figures_text import format_count, format_failures
from cartwheel.load.session import ScalingDecision, Session
from loadtest.figures import Figures
from loadtest.table import format_duration

HISTORY = 60
"""Seconds that the curves show."""
MAX_DECISIONS = 4
LINE_INTERVAL = 5
"""Seconds between two plain lines: an hour of load is read by nobody second by second."""
BARS = " ▁▂▃▄▅▆▇█"
WAIT_HINT = "Ctrl-C ends the load with the figures so far."
STOP_HINT = "Ending when the requests in flight have their responses. Ctrl-C again: at once."


class View(Protocol):
    """Shows a session; `update` is called each second, and when something happens."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def update(self, *, is_stopping: bool = False) -> None: ...


def new_view(session: Session, console: Console) -> View:
    return LiveView(session, console) if console.is_terminal else PlainView(session, console)


class LiveView:
    """Redraws the figures in place."""

    def __init__(self, session: Session, console: Console) -> None:
        self._session = session
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def update(self, *, is_stopping: bool = False) -> None:
        self._live.update(render(self._session, is_stopping=is_stopping), refresh=True)


def render(session: Session, *, is_stopping: bool = False) -> RenderableType:
    parts: list[RenderableType] = [_progress(session), _figures(session)]
    if session.outage:
        parts.append(Text(f"✗ {describe_outage(session)}", "red"))
    if session.replicas:
        parts.append(_replicas(session))
    parts += [_decision(one, session.service) for one in session.decisions[-MAX_DECISIONS:]]
    parts.append(Text(STOP_HINT if is_stopping else WAIT_HINT, "dim"))
    return Group(*parts)


def _progress(session: Session) -> Text:
    elapsed = sum(figures.seconds for figures in session.figures)
    text = f"{session.scenario} to {session.target}  {elapsed:.0f} s of {session.seconds:.0f} s"
    return Text(text, "bold", no_wrap=True, overflow="ellipsis")


def _figures(session: Session) -> Table:
    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(justify="right", min_width=9, no_wrap=True)
    grid.add_column(no_wrap=True, overflow="crop")
    shown = session.figures[-HISTORY:]
    for name in ("asked", "achieved"):
        rates: Sequence[float] = [getattr(one, name) for one in shown]
        now = f"{format_count(round(rates[-1]))}/s" if rates else "-"
        grid.add_row(name, now, curve(rates))
    for name in ("p50", "p95", "p99"):
        values: Sequence[float | None] = [getattr(one, name) for one in shown]
        drawn = curve([value or 0.0 for value in values]) if name == "p95" else ""
        grid.add_row(name, format_duration(values[-1] if values else None), drawn)
    failed, missed = session.failures.total(), session.missed
    grid.add_row("failed", _warning(failed), format_failures(session.failures))
    grid.add_row("missed", _warning(missed), "due and not sent" if missed else "")
    grid.add_row("in flight", format_count(shown[-1].in_flight if shown else 0), "")
    return grid


def _warning(number: int) -> Text:
    return Text(format_count(number), "red" if number else "")


def _replicas(session: Session) -> Text:
    now = session.replicas[-1]
    starting = max(now.ready - now.serving, 0)
    missing = max(now.desired - now.ready, 0)
    return Text.assemble(
        (f"{session.service}  ", "dim"),
        f"desired {now.desired}  ready {now.ready}  serving {now.serving}  ",
        ("●" * now.serving, "green"),
        ("◐" * starting, "yellow"),
        ("○" * missing, "dim"),
    )


def _decision(decision: ScalingDecision, service: str | None) -> Text:
    return Text.assemble(
        (f"{clock(decision.at)}  ", "dim"),
        f"{service} {decision.summary}",
        no_wrap=True,
        overflow="ellipsis",
    )


class PlainView:
    """Prints a line now and then, and one for each decision and outage."""

    def __init__(self, session: Session, console: Console) -> None:
        self._session = session
        self._print: Callable[[str], None] = lambda line: console.print(line, soft_wrap=True)
        self._decisions = 0
        self._was_out = False
        self._is_stopping = False
        self._printed_until = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def update(self, *, is_stopping: bool = False) -> None:
        session = self._session
        for decision in session.decisions[self._decisions :]:
            self._print(f"{clock(decision.at)}  ! {session.service} {decision.summary}")
        self._decisions = len(session.decisions)
        self._report_outage()
        if len(session.figures) >= self._printed_until + LINE_INTERVAL:
            self._print(self._line(session.figures[self._printed_until :]))
            self._printed_until = len(session.figures)
        if is_stopping and not self._is_stopping:
            self._print(STOP_HINT)
        self._is_stopping = is_stopping

    def _report_outage(self) -> None:
        is_out = self._session.outage is not None
        if is_out == self._was_out:
            return
        now = clock(self._session.figures[-1].at)
        if is_out:
            self._print(f"{now}  ✗ {describe_outage(self._session)}")
        else:
            self._print(
                f"{now}  ✓ it responds again, after {self._session.outages[-1].seconds:.0f} s"
            )
        self._was_out = is_out

    def _line(self, figures: Sequence[Figures]) -> str:
        seconds = sum(one.seconds for one in figures)
        achieved = sum(one.achieved * one.seconds for one in figures) / seconds
        line = (
            f"{clock(figures[-1].at)}  asked {sum(one.due for one in figures) / seconds:.0f}/s  "
            f"achieved {achieved:.0f}/s  highest p50 {_highest('p50', figures)}  "
            f"p95 {_highest('p95', figures)}  p99 {_highest('p99', figures)}  "
            f"failed {sum(one.failed for one in figures)}  "
            f"missed {sum(one.missed for one in figures)}"
        )
        if self._session.replicas:
            now = self._session.replicas[-1]
            line += f"  {self._session.service} {now.serving}/{now.desired}"
        return line


def _highest(name: str, figures: Sequence[Figures]) -> str:
    """Of the quantiles of each second: that of all of them together is no higher."""
    values = (getattr(one, name) for one in figures)
    return format_duration(max((value for value in values if value is not None), default=None))


def describe_outage(session: Session) -> str:
    outage = session.outages[-1]
    return f"{session.target} has sent no response since {clock(outage.start)}; the load goes on."


def clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def curve(values: Sequence[float]) -> str:
    """The values as bars, the highest one full."""
    highest = max(values, default=0.0)
    if not highest:
        return ""
    steps = len(BARS) - 1
    return "".join(BARS[max(round(value / highest * steps), 1 if value else 0)] for value in values)

"""What a session makes of the figures of each second, and how it is shown."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from cartwheel.load import story
from cartwheel.load.session import Session
from cartwheel.load.view import PlainView, render
from loadtest.arrivals import Stage
from tests.cartwheel.load.sessions import START, SUMMARY, figures, session, waiting


def test_seconds_without_any_response_are_one_outage() -> None:
    away = [figures(second, due=100, refused=100) for second in (1, 2, 3)]
    made = session(figures(0), *away)
    assert made.outage is not None
    assert (made.outage.start, made.outage.end) == (START + 1, START + 4)
    made.add_figures(figures(4))
    assert made.outage is None
    assert [outage.seconds for outage in made.outages] == [3]


def test_a_second_outage_is_another_one() -> None:
    seconds = [figures(0, refused=100), figures(1), figures(2, due=10, missed=10)]
    assert len(session(*seconds).outages) == 2


def test_a_target_that_never_responds_is_an_outage_until_the_end() -> None:
    timeouts = [figures(second, due=10, timeout=10) for second in (5, 6)]
    never = [*map(waiting, range(5)), *(replace(one, responses=0) for one in timeouts)]
    made = session(*never, waiting(7, due=0), waiting(8, due=0, in_flight=0))
    assert [(one.start, one.end) for one in made.outages] == [(START, START + 9)]
    assert made.outage is not None


def test_a_target_that_stops_for_a_while_is_an_outage_of_that_time() -> None:
    made = session(figures(0), *map(waiting, range(1, 5)), figures(5))
    assert [(one.start, one.end) for one in made.outages] == [(START + 1, START + 5)]
    assert made.outage is None


def test_a_request_in_flight_at_the_end_of_a_quiet_second_is_no_outage() -> None:
    quiet = waiting(0, due=0, in_flight=0)
    made = session(quiet, waiting(1, due=1, in_flight=1), figures(2, due=1))
    assert made.outages == []


def test_errors_as_responses_are_no_outage() -> None:
    made = session(figures(0, due=3, **{"503": 3}))
    assert made.outages == []
    assert made.failures == {"503": 3}


def test_the_view_shows_rates_latency_failures_replicas_and_decisions() -> None:
    shown = text_of(session(figures(0), figures(1, refused=7)))
    assert "cart-add to http://127.0.0.1:8080  2 s of 10 s" in shown
    assert "100/s" in shown
    assert "12 ms" in shown
    assert "7 refused" in shown
    assert "desired 7  ready 7  serving 7" in shown
    assert f"cart {SUMMARY}" in shown


def test_the_view_of_a_load_that_has_not_begun_is_empty_but_there() -> None:
    assert "0 s of 10 s" in text_of(session())


def text_of(made: Session) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(render(made))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_without_a_terminal_it_prints_what_happens_line_by_line() -> None:
    made = session()
    console = Console(file=StringIO(), width=100)
    with PlainView(made, console) as view:
        for second in range(5):
            made.add_figures(replace(figures(second), p95=0.8 if second == 1 else 0.012))
            view.update()
        made.add_figures(figures(5, refused=100))
        view.update()
        made.add_figures(figures(6))
        view.update()
    assert isinstance(console.file, StringIO)
    decision, measured, gone, back = console.file.getvalue().splitlines()
    assert decision.endswith(f"  ! cart {SUMMARY}")
    assert "asked 100/s  achieved 100/s  highest p50 4.0 ms  p95 800 ms  p99 20 ms" in measured
    assert measured.endswith("cart 7/7")
    assert "✗ http://127.0.0.1:8080 has sent no response since" in gone
    assert "✓ it responds again, after 1 s" in back


def test_the_end_says_how_soon_the_replicas_followed_a_step() -> None:
    made = session(*map(figures, range(10)), serving=(2, 3, 7))
    made.stages = [Stage.constant(20, seconds=0.5), Stage.constant(240, seconds=9)]
    counts, reaction = story.conclusion(made)
    assert counts.startswith("cart: 2 replicas at the start, at most 7 serving, 7 at the end")
    assert reaction == (
        "After the step to 240 requests a second: the first decision after 0.5 s, 7 serving after "
        "3.5 s."
    )

"""The report of a load: what it shows, and that it needs nothing from outside."""

import json
import re
from html.parser import HTMLParser

import pytest

from cartwheel.autoscaling.sentence import Basis, Sentence
from cartwheel.charts.axis import TimeAxis, round_up
from cartwheel.charts.chart import Panel, Series, draw
from cartwheel.load.expectations import Outcome
from cartwheel.load.report import to_html, to_json
from cartwheel.load.report.panels import thinned
from cartwheel.load.session import ReplicaCounts, ScalingDecision, Session
from tests.cartwheel.load.sessions import START, figures, session, total, waiting

MEGABYTE = 1024 * 1024
VOID = {"meta", "path", "rect", "link", "br"}


def ended(*seconds: int) -> Session:
    return session(*(figures(second) for second in seconds or range(10)), ended=total())


class _Elements(HTMLParser):
    """Raises for an element that is not closed where it has to be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_it_is_one_file_that_loads_nothing() -> None:
    page = _Elements()
    html = to_html(ended(), [])
    page.feed(html)
    assert page.open == []
    assert all(address.startswith("#decision-") for address in page.addresses)
    assert not re.search(r"url\(|@import|fetch\(|import\(", html)


def test_a_decision_is_a_mark_with_its_sentences_and_an_entry_of_the_list() -> None:
    html = to_html(ended(), [])
    assert html.count("141 requests/s are &lt;70.5&gt; per replica.") == 1
    assert 'aria-label="Decision 1: 2 → 7 replicas"' in html
    assert '<li id="decision-1"><b>1 s: 2 → 7</b>' in html


def test_expectations_and_failures_are_said_in_words() -> None:
    made = session(figures(0, refused=100), figures(1), ended=total(refused=100))
    html = to_html(made, [Outcome("failed=0", is_met=False, found="100")])
    assert "✗ not met: <code>failed=0</code>, it was 100" in html
    assert "Failed: 100 refused." in html
    assert "No response for 1 s, from 0 s after the start on." in html


def test_what_comes_from_outside_is_text() -> None:
    made = ended()
    made.target = 'http://127.0.0.1/"><script>alert(1)</script>'
    made.service = "</script><b>"
    html = to_html(made, [])
    assert "<script>alert" not in html
    assert "</script><b>" not in html


def test_an_hour_of_load_is_at_most_one_megabyte() -> None:
    lost = [waiting(n, due=77) if n % 2 else figures(n, refused=9) for n in range(3600)]
    made = session(*lost, ended=total(refused=9))
    sentence = Sentence("141.25 requests/s are 70.625 per replica. " * 4, Basis.MEASURED)
    for count in range(14400):
        at, replicas = START + count / 4, count % 19
        made.replicas.append(ReplicaCounts(at, replicas, 7, 7))
        made.decisions.append(ScalingDecision(at, 2, replicas, "", [sentence] * 3))
    assert len(made.outages) == 1800
    assert len(to_html(made, []).encode()) < MEGABYTE


def test_of_many_changes_of_the_replicas_the_first_the_last_and_the_highest_are_drawn() -> None:
    many = [ReplicaCounts(START + n, 50 if n == 4321 else n % 7, 1, 1) for n in range(10_000)]
    drawn = thinned(many)
    assert len(drawn) <= 1002
    assert (drawn[0], drawn[-1]) == (many[0], many[-1])
    assert many[4321] in drawn
    assert [thinned(many[:n]) for n in range(4)] == [many[:n] for n in range(4)]


def test_the_json_has_all_figures() -> None:
    document = json.loads(to_json(ended(), [Outcome("failed=0", is_met=True, found="0")]))
    assert document["total"]["sent"] == 1000
    assert len(document["figures"]) == 10
    assert document["replicas"][-1] == {"at": START + 2, "desired": 7, "ready": 7, "serving": 7}
    assert document["decisions"][0]["sentences"][1]["basis"] == "measured"
    assert document["expectations"] == [{"expectation": "failed=0", "is_met": True, "found": "0"}]


@pytest.mark.parametrize(
    ("value", "top"), [(0.7, 0.8), (1, 1), (3.1, 4), (240, 300), (640, 800), (9.5, 10)]
)
def test_a_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert round_up(value) == pytest.approx(top)


@pytest.mark.parametrize("length", [1, 59, 61, 600, 3600])
def test_a_time_axis_has_few_labels(length: int) -> None:
    ticks = TimeAxis(START, START + length).ticks()
    assert 1 <= len(ticks) <= 7
    assert ticks[0] == (START, "0 s")


def test_a_missing_value_is_a_gap_in_the_line() -> None:
    points = [(0.0, 1.0), (1.0, 1.0), (2.0, None), (3.0, 1.0), (4.0, 2.0)]
    panel = Panel("t", "d", [Series("a", "good", points)], top=2, ticks=[])
    assert draw(panel, TimeAxis(0, 4), []).count("M") == 2

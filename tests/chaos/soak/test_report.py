"""The report of a soak: what it shows, and that it needs nothing from outside."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cartwheel.chaos.soak.report import to_html, to_json
from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import Memory, Soak
from cartwheel.consistency import Finding
from tests.chaos.soak.soaks import COMMAND, START, change, figures, operation, report, soak

MEGABYTE = 1024 * 1024
VOID = {"meta", "path", "rect"}
LOST = Finding("no-oversell", "stock/duck", "Of duck 12 were sold, and there were 11.", ())
CHANGES = (
    change(Kind.FAULT, "cart-killed", at=4),
    change(Kind.FAULT, "products-slow", at=8, seconds=5, part="products"),
    change(Kind.RESTART, "user", at=9, seconds=3, part="user"),
    change(Kind.SCALE_OUT, "cart", at=15, seconds=2),
)


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


def page_of(found: Soak) -> str:
    """The page, which is well-formed."""
    html = to_html(found)
    elements = _Elements()
    elements.feed(html)
    assert elements.open == []
    assert elements.addresses == []
    return html


def heading_of(html: str) -> str:
    return re.findall("<h1>(.*?)</h1>", html)[0]


def test_it_is_one_file_that_loads_nothing() -> None:
    html = page_of(soak(changes=CHANGES))
    assert not re.search(r"url\(|@import|fetch\(|import\(|https?://", html)


def test_the_outcome_comes_first() -> None:
    assert heading_of(page_of(soak())) == "Soak: nothing was lost"
    lost = soak(found=report(LOST))
    assert heading_of(page_of(lost)) == "Soak: 1 violation found"
    assert LOST.sentence in page_of(lost)
    undecided = soak(found=report(undecided=["The cart of anna has too many overlaps."]))
    assert heading_of(page_of(undecided)) == "Soak: not everything could be decided"
    assert "too many overlaps" in page_of(undecided)


def test_without_a_fault_or_with_one_that_was_not_undone_a_soak_has_not_passed() -> None:
    empty = soak(changes=CHANGES[2:])
    assert not empty.passed
    assert empty.problems == ["No fault happened."]
    stuck = soak()
    assert stuck.passed
    stuck.failures = ["cart-hung was not undone: The process is gone."]
    assert not stuck.passed
    assert heading_of(page_of(stuck)) == "Soak: no violation found, but it was not complete"
    assert "cart-hung was not undone" in page_of(stuck)


def test_faults_restarts_and_scalings_are_bars_and_rows() -> None:
    html = page_of(soak(changes=CHANGES))
    assert html.count('class="bar bad" style') == 2
    assert html.count('class="bar good" style') == 1
    assert html.count('class="bar amber" style') == 1
    assert '<th scope="row">products-slow</th>' in html
    assert "All 4 faults, restarts and scalings" in html


def test_what_was_not_sent_and_what_failed_without_a_fault_is_shown() -> None:
    found = soak(changes=CHANGES)
    found.figures[1] = figures(1, failed=7)
    assert found.total
    found.total = replace(found.total, missed=829)
    html = page_of(found)
    assert "<dt>requests not sent</dt><dd>829</dd>" in html
    assert '<th scope="row">before the first of them</th><td>160</td><td>7</td><td>0</td>' in html


def test_a_change_that_was_not_possible_says_why() -> None:
    refused = change(Kind.FAULT, "valkey-full", at=3, problem="There is no Valkey.")
    assert "There is no Valkey." in page_of(soak(changes=[refused]))


def test_operations_are_counted_by_kind_and_outcome() -> None:
    html = page_of(soak())
    assert '<th scope="row">cart add</th><td>100</td><td>3</td><td>0</td>' in html
    assert '<th scope="row">together</th><td>120</td><td>3</td><td>2</td>' in html


def test_memory_is_compared_without_the_stores() -> None:
    found = soak()
    assert found.memory_growth == pytest.approx(1.05)
    assert "All services together: × 1.05" in page_of(found)
    found.memory = [Memory("cart", False, 1, 100, 120)]
    assert 'class="bad"><dt>memory</dt><dd>× 1.20' in page_of(found)


def test_it_says_how_to_repeat_it() -> None:
    assert f"<code>{COMMAND}</code>" in page_of(soak())


def test_what_comes_from_outside_is_text() -> None:
    evil = '"><script>alert(1)</script>'
    made = soak(
        changes=[change(Kind.FAULT, evil, at=1, part=evil, problem=evil)],
        found=report(Finding("no-oversell", evil, evil, [operation(sku=evil)]), undecided=[evil]),
    )
    made.plan = replace(made.plan, command=evil)
    made.failures = [evil]
    made.operations = {evil: {"ok": 1}}
    made.memory = [Memory(evil, False, 1, 1, 1)]
    assert "<script>alert" not in page_of(made)


def test_a_soak_that_ended_before_its_first_second_has_a_report() -> None:
    made = Soak(soak().plan, START, ended_early=True, failures=["The load did not begin."])
    html = page_of(made)
    assert heading_of(html) == "Soak: the checks did not run"
    assert "The load did not begin." in html
    assert json.loads(to_json(made))["passed"] is False


def test_an_hour_is_at_most_two_megabytes() -> None:
    many = [
        change(Kind.FAULT, f"fault-{n % 40}", at=6.0 * n, seconds=4, part=f"part-{n % 7}")
        for n in range(600)
    ]
    operations = [operation(n) for n in range(1000)]
    findings = [
        Finding("no-oversell", f"stock/{n}", "Too many were sold. " * 5, operations)
        for n in range(1000)
    ]
    made = soak(seconds=3600, changes=many, found=report(*findings))
    made.figures = [figures(n, failed=n % 3) for n in range(3600)]
    html = page_of(made)
    assert len(html.encode()) < 2 * MEGABYTE
    assert "And 950 more." in html


def test_the_json_has_everything() -> None:
    document = json.loads(to_json(soak(changes=CHANGES, found=report(LOST))))
    assert document["passed"] is False
    assert document["plan"]["seed"] == 7
    assert document["changes"][1]["name"] == "products-slow"
    assert document["changes"][1]["failed"] == 0
    assert document["memory"]["growth"] == pytest.approx(1.05)
    assert document["checks"]["findings"][0]["sentence"] == LOST.sentence
    assert len(document["figures"]) == 30

"""A pytest plugin that keeps what the tests of the matrix showed: ``-p tests.faults.results``.

`make test-faults` uses it. A run of some of the tests replaces the results of those only, and a
skipped test keeps its earlier result.
"""

import json
import os
import platform
from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from tests.faults.markers import marked_tests
from tests.faults.rows import HERE

FILE = HERE / "results.json"
FIGURE, ROWS = "figure", "rows of the fault matrix"
"""Properties of a report."""

Results = dict[str, dict[str, Any]]
"""Test → what it showed last."""


@dataclass
class Outcome:
    """What the reports say of one test, over all its parameters."""

    rows: set[int] = field(default_factory=set)
    ran: bool = False
    passed: bool = True
    figures: list[str] = field(default_factory=list)


class Recorder:
    """Collects the reports of all workers, and writes what they say at the end."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = defaultdict(Outcome)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        rows = [rows for name, rows in report.user_properties if name == ROWS]
        if not rows:
            return
        outcome = self._outcomes[_test_of(report)]
        outcome.rows.update(*rows)
        outcome.passed &= not report.failed
        outcome.ran |= report.when == "call" and not report.skipped
        if report.when == "teardown":
            outcome.figures += [
                str(text) for name, text in report.user_properties if name == FIGURE
            ]

    def pytest_sessionfinish(self) -> None:
        results = read_results()
        for test, outcome in self._outcomes.items():
            if outcome.ran or not outcome.passed:
                results[test] = {
                    "rows": sorted(outcome.rows),
                    "passed": outcome.passed,
                    "figures": sorted(set(outcome.figures)),
                    "date": datetime.now(UTC).date().isoformat(),
                    "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
                }
        _write_results(results)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the reports of all workers come together here
        config.pluginmanager.register(Recorder())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    rows = sorted({row for marker in item.iter_markers("fault") for row in marker.args})
    if rows:
        report.user_properties.append((ROWS, rows))
    return report


def read_results() -> Results:
    results: Results = json.loads(FILE.read_text()) if FILE.exists() else {}
    return results


def _write_results(results: Results) -> None:
    """Without those of tests that are no more, or show no row any more."""
    kept = {test: results[test] for test in sorted(results) if test in _nodes()}
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def _test_of(report: pytest.TestReport) -> str:
    # xdist adds the group: "…::test_it[sqlite]@name".
    test = report.nodeid.rpartition("@")[0] or report.nodeid
    return test if test in _nodes() else test.partition("[")[0]


@cache
def _nodes() -> frozenset[str]:
    return frozenset(test.node for test in marked_tests())

"""Writes docs/faults.md from the rows, the tests with their number, and what these showed last.

python -m tests.faults.table
"""

from collections.abc import Iterator, Sequence

from tests.faults.markers import ROOT, STORES, MarkedTest, marked_tests
from tests.faults.results import Results, read_results
from tests.faults.rows import GROUPS, Row, read_rows

PAGE = ROOT / "docs/faults.md"
INTRODUCTION = """\
# The fault matrix

What can go wrong, what the shop does then, and the tests that show it. {counts}
{passed}

`make test-faults` runs the tests that need one machine, without Docker, and writes this page;
`make test-faults ARGS=tests/faults/test_postgres.py` runs a part, and
`ARGS="--hypothesis-profile nightly"` ten times as many generated requests.
`make test-faults-cluster` runs the others on the cluster of `make kind`.

The rows are in `tests/faults/rows.toml`. A test shows a row by its marker,
`@pytest.mark.fault(12)`, and may give a figure for the table with the fixture `figure`.
"""
ON_CLUSTER = "tests/faults/cluster/"
HEADER = """\
| # | fault | expected | tests | last figure | stores | where |
|--:|---|---|---|---|---|---|"""
PASSED, FAILED, NOT_RUN = "passed", "failed", "not run yet"
NAMES_OF_STORES = {"sqlite": "SQLite", "valkey": "Valkey", "postgres": "Postgres"}


def main() -> None:
    PAGE.write_text(page())


def page() -> str:
    """The page as it should be."""
    rows, results = read_rows(), read_results()
    tests = {row.number: _tests_showing(row) for row in rows}
    verdicts = [_verdict(tests[row.number], results) for row in rows]
    parts = [INTRODUCTION.format(counts=_counts(rows, tests), passed=_passed(verdicts))]
    for group, title in GROUPS.items():
        lines = [_line(row, tests[row.number], results) for row in rows if row.group == group]
        parts.append("\n".join([f"## {title}", "", HEADER, *lines, ""]))
    return "\n".join(parts)


def _tests_showing(row: Row) -> list[MarkedTest]:
    return [test for test in marked_tests() if row.number in test.rows]


def _counts(rows: Sequence[Row], tests: dict[int, list[MarkedTest]]) -> str:
    here, cluster = (
        sum(place in _places(tests[row.number]) for row in rows) for place in ("here", "cluster")
    )
    without = sum(1 for row in rows if not tests[row.number])
    text = f"Of {len(rows)} rows, {here} have tests on one machine and {cluster} on a cluster"
    return f"{text}; {without} have none." if without else f"{text}."


def _verdict(tests: Sequence[MarkedTest], results: Results) -> str:
    """What the last runs of a row's tests say of the row."""
    verdicts = {verdict_of(test, results) for test in tests}
    return next((one for one in (FAILED, NOT_RUN) if one in verdicts), PASSED)


def _passed(verdicts: Sequence[str]) -> str:
    text = f"When they ran last, all tests of {verdicts.count(PASSED)} rows passed."
    failed, not_run = verdicts.count(FAILED), verdicts.count(NOT_RUN)
    text += f" Rows with a test that failed: {failed}." if failed else ""
    return text + (f" Rows with a test that has not run yet: {not_run}." if not_run else "")


def verdict_of(test: MarkedTest, results: Results) -> str:
    if test.node not in results:
        return NOT_RUN
    return PASSED if results[test.node]["passed"] else FAILED


def _line(row: Row, tests: Sequence[MarkedTest], results: Results) -> str:
    cells = [
        str(row.number),
        f"{row.fault} ({row.service})",
        row.expected,
        "<br>".join(_tests_cell(row, tests, results)),
        "<br>".join(_figures(tests, results)),
        ", ".join(_stores(tests)),
        ", ".join(_places(tests)),
    ]
    return f"| {' | '.join(cells)} |"


def _tests_cell(row: Row, tests: Sequence[MarkedTest], results: Results) -> Iterator[str]:
    for test in tests:
        verdict = verdict_of(test, results)
        note = "" if verdict == PASSED else f" **{verdict}**"
        yield f"[{test.sentence}](../{test.path}){note}"
    if row.untested:
        yield f"none: {row.untested}"


def _figures(tests: Sequence[MarkedTest], results: Results) -> Iterator[str]:
    for test in tests:
        yield from results.get(test.node, {"figures": []})["figures"]


def _stores(tests: Sequence[MarkedTest]) -> list[str]:
    shown = frozenset[str]().union(*(test.stores for test in tests))
    return [NAMES_OF_STORES[store] for store in STORES if store in shown]


def _places(tests: Sequence[MarkedTest]) -> list[str]:
    on_cluster = {test.path.startswith(ON_CLUSTER) for test in tests}
    return ["here"] * (False in on_cluster) + ["cluster"] * (True in on_cluster)


if __name__ == "__main__":
    main()

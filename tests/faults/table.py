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

`make test-faults` runs all of these tests, without Docker, and writes this page;
`make test-faults ARGS=tests/faults/test_postgres.py` runs a part. The rows that need a cluster are
run on one by `python -m cartwheel.cluster faults`.

The rows are in `tests/faults/rows.toml`. A test shows a row by its marker,
`@pytest.mark.fault(12)`, and may give a figure for the table with the fixture `figure`.
"""
HEADER = """\
| # | fault | expected | tests | last figure | stores | where |
|--:|---|---|---|---|---|---|"""
NAMES_OF_STORES = {"sqlite": "SQLite", "valkey": "Valkey", "postgres": "Postgres"}


def main() -> None:
    PAGE.write_text(page())


def page() -> str:
    """The page as it should be."""
    rows, results = read_rows(), read_results()
    tests = {row.number: _tests_showing(row) for row in rows}
    parts = [INTRODUCTION.format(counts=_counts(rows, tests))]
    for group, title in GROUPS.items():
        lines = [_line(row, tests[row.number], results) for row in rows if row.group == group]
        parts.append("\n".join([f"## {title}", "", HEADER, *lines, ""]))
    return "\n".join(parts)


def _tests_showing(row: Row) -> list[MarkedTest]:
    return [test for test in marked_tests() if row.number in test.rows]


def _counts(rows: Sequence[Row], tests: dict[int, list[MarkedTest]]) -> str:
    here = sum(1 for row in rows if tests[row.number])
    cluster = sum(row.cluster for row in rows)
    without = sum(1 for row in rows if row.untested)
    text = f"Of {len(rows)} rows, {here} have tests on one machine and {cluster} need a cluster"
    return f"{text}; {without} have none." if without else f"{text}."


def _line(row: Row, tests: Sequence[MarkedTest], results: Results) -> str:
    cells = [
        str(row.number),
        f"{row.fault} ({row.service})",
        row.expected,
        "<br>".join(_tests_cell(row, tests, results)),
        "<br>".join(_figures(tests, results)),
        ", ".join(_stores(tests)),
        _where(row, tests),
    ]
    return f"| {' | '.join(cells)} |"


def _tests_cell(row: Row, tests: Sequence[MarkedTest], results: Results) -> Iterator[str]:
    for test in tests:
        failed = not results.get(test.node, {"passed": True})["passed"]
        yield f"[{test.sentence}](../{test.path}){' **failed**' if failed else ''}"
    if row.untested:
        yield f"none: {row.untested}"


def _figures(tests: Sequence[MarkedTest], results: Results) -> Iterator[str]:
    for test in tests:
        yield from results.get(test.node, {"figures": []})["figures"]


def _stores(tests: Sequence[MarkedTest]) -> list[str]:
    shown = frozenset[str]().union(*(test.stores for test in tests))
    return [NAMES_OF_STORES[store] for store in STORES if store in shown]


def _where(row: Row, tests: Sequence[MarkedTest]) -> str:
    here = ["here"] if tests else []
    return ", ".join(here + ["cluster"] * row.cluster)


if __name__ == "__main__":
    main()

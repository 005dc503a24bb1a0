"""What the checks found."""

import json
from collections.abc import Sequence
from html import escape

from cartwheel.charts.page import cells, heading_cell, table
from cartwheel.consistency import CheckResult, Finding, Report
from cartwheel.load.figures_text import format_count
from loadtest.history import Operation

MAX_FINDINGS = 50
"""Listed for each check."""
MAX_OPERATIONS = 20
"""Shown of each finding."""
PASSED, FAILED, UNDECIDED = "✓ passed", "✗ failed", "? not decided"


def checks(report: Report) -> str:
    """A table of the checks, and each violation with its operations."""
    rows = [_check_row(one) for one in report.results]
    found = "".join(_findings(one) for one in report.results)
    undecided = "".join(f"<li>{escape(one)}</li>" for one in report.undecided[:MAX_FINDINGS])
    return (
        f"<h2>Checks</h2>{table(('check', 'result', 'passed', 'failed', 'not decided'), rows)}"
        f"{found}{f'<ul>{undecided}</ul>' if undecided else ''}"
    )


def _check_row(result: CheckResult) -> Sequence[str]:
    word, kind = _word(result)
    counts = (result.passed, result.failed, len(result.undecided))
    return [
        heading_cell(result.name),
        f'<td class="{kind}">{word}</td>',
        *cells(*map(format_count, counts)),
    ]


def _word(result: CheckResult) -> tuple[str, str]:
    if result.findings:
        return FAILED, "bad"
    return (UNDECIDED, "amber") if result.undecided else (PASSED, "good")


def _findings(result: CheckResult) -> str:
    if not result.findings:
        return ""
    items = "".join(map(_finding, result.findings[:MAX_FINDINGS]))
    rest = len(result.findings) - MAX_FINDINGS
    more = f"<p>And {rest:,} more.</p>" if rest > 0 else ""
    return f'<h3>{escape(result.name)}</h3><ul class="findings">{items}</ul>{more}'


def _finding(finding: Finding) -> str:
    shown = "".join(
        f"<li><code>{escape(_one_line(operation))}</code></li>"
        for operation in finding.operations[:MAX_OPERATIONS]
    )
    operations = (
        f"<details><summary>{len(finding.operations):,} operations</summary><ol>{shown}</ol>"
        "</details>"
        if shown
        else ""
    )
    return f"<li>{escape(finding.sentence)}{operations}</li>"


def _one_line(operation: Operation) -> str:
    return (
        f"{operation.called_at:.3f}–{operation.returned_at:.3f} shopper {operation.client}: "
        f"{operation.object} {operation.call} {json.dumps(dict(operation.input))} → "
        f"{operation.outcome} {json.dumps(dict(operation.output))}"
    )

"""The figures of a load by route, as a table of plain text."""

from loadtest.figures import RouteFigures, Total


def table(total: Total) -> str:
    together = RouteFigures("together", total.sent, total.failed, total.p50, total.p95, total.p99)
    rows = [*total.routes, together]
    width = max(len(row.route) for row in rows)
    heading = f"{'':<{width}}  {'requests':>8}  {'failed':>6}  {'p50':>8}  {'p95':>8}  {'p99':>8}"
    return "\n".join([heading, *(f"{row.route:<{width}}  {_row(row)}" for row in rows)])


def _row(row: RouteFigures) -> str:
    times = "  ".join(f"{format_duration(seconds):>8}" for seconds in (row.p50, row.p95, row.p99))
    return f"{row.sent:>8}  {row.failed:>6}  {times}"


def format_duration(seconds: float | None) -> str:
    """4.2 ms, 38 ms, 1.40 s; a dash without any request."""
    if seconds is None:
        return "-"
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def describe_failure(kind: str) -> str:
    """status 503, connect timeout."""
    return f"status {kind}" if kind.isdigit() else kind.replace("_", " ")

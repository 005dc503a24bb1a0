"""Soaks as a run would leave them."""

from collections.abc import Sequence

from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import Change, Memory, Plan, Soak
from cartwheel.consistency import CheckResult, Finding, Report
from loadtest.figures import Figures, RouteFigures, Total
from loadtest.history import Operation, Outcome

START = 1_800_000_000.0
COMMAND = "cartwheel chaos soak --minutes 10 --seed 7 --rate 40 --stores real"


def figures(
    second: int, *, failed: int = 0, p95: float = 0.012, p99: float = 0.02, due: int = 40
) -> Figures:
    failures = {"503": failed} if failed else {}
    return Figures(START + second + 1, 1.0, due, 0, due, failures, 3, 0.004, p95, p99)


def change(
    kind: Kind,
    name: str,
    *,
    at: float,
    seconds: float = 0.0,
    part: str = "cart",
    problem: str | None = None,
) -> Change:
    words = f"{name} happens"
    return Change(kind, name, part, words, START + at, START + at + seconds, problem)


def operation(number: int = 0, *, sku: str = "duck") -> Operation:
    return Operation(
        number,
        "cart/anna",
        "add",
        {"sku": sku, "quantity": 1},
        {"version": number},
        Outcome.OK,
        1.0,
        1.5,
    )


def report(*findings: Finding, undecided: Sequence[str] = ()) -> Report:
    passed = CheckResult("exact-sums", passed=12)
    other = CheckResult("no-oversell", 3, findings=list(findings), undecided=list(undecided))
    return Report({"ok": 120, "refused": 3, "unknown": 2}, [passed, other])


def soak(
    *, seconds: int = 30, changes: Sequence[Change] | None = None, found: Report | None = None
) -> Soak:
    """It has passed, unless another report or changes without a fault are given."""
    if changes is None:
        changes = [change(Kind.FAULT, "cart-hung", at=3, seconds=2)]
    routes = [RouteFigures("GET /", 40 * seconds, 2, 0.004, 0.012, 0.02)]
    total = Total(
        START, seconds, 40 * seconds, 0, {"503": 2}, {"409": 3}, 0.004, 0.012, 0.02, 0.5, routes
    )
    return Soak(
        Plan(COMMAND, seed=7, seconds=seconds, rate=40, stores="real"),
        START,
        [figures(second) for second in range(seconds)],
        total,
        list(changes),
        [Memory("cart", False, 2, 80_000_000, 84_000_000), Memory("valkey", True, 1, 9, 30)],
        {"cart add": {"ok": 100, "refused": 3}, "order place": {"ok": 20, "unknown": 2}},
        found or report(),
    )

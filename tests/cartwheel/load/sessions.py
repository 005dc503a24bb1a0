"""Sessions as a load would leave them."""

from collections.abc import Sequence

from cartwheel.autoscaling.sentence import Basis, Sentence
from cartwheel.load.session import ReplicaCounts, ScalingDecision, Session
from loadtest.arrivals import Stage
from loadtest.figures import Figures, RouteFigures, Total

START = 1_800_000_000.0
SUMMARY = "2 → 7, 141 requests/s is <70.5> per replica (target 20)"


def figures(second: int, *, due: int = 100, missed: int = 0, **failures: int) -> Figures:
    """Of one second; without failures all requests have a response."""
    responses = due - missed - sum(n for kind, n in failures.items() if kind == "refused")
    return Figures(START + second + 1, 1.0, due, missed, responses, failures, 3, 0.004, 0.012, 0.02)


def waiting(second: int, *, due: int = 10, in_flight: int = 10) -> Figures:
    """Of one second in which nothing came back."""
    return Figures(START + second + 1, 1.0, due, 0, 0, {}, in_flight, None, None, None)


def total(*, sent: int = 1000, missed: int = 0, p95: float = 0.012, **failures: int) -> Total:
    routes = [RouteFigures("GET /", sent, 0, 0.004, p95, 0.02)]
    return Total(START, 10.0, sent, missed, failures, {}, 0.004, p95, 0.02, 0.5, routes)


def session(
    *seconds: Figures, ended: Total | None = None, serving: Sequence[int] = (2, 7)
) -> Session:
    """A load of the cart, which has scaled once."""
    made = Session(
        "http://127.0.0.1:8080", "cart-add", [Stage.constant(100, seconds=10)], service="cart"
    )
    for one in seconds:
        made.add_figures(one)
    made.replicas += [
        ReplicaCounts(START + 2 * n, count, count, count) for n, count in enumerate(serving)
    ]
    sentences = [
        Sentence("Deployment cart goes from 2 to 7 replicas.", Basis.COMPUTED),
        Sentence("141 requests/s are <70.5> per replica.", Basis.MEASURED),
    ]
    made.decisions.append(ScalingDecision(START + 1, 2, 7, SUMMARY, sentences))
    made.total = ended
    return made

"""What a run plans, measures and concludes."""

from dataclasses import replace
from itertools import islice

from cartwheel.chaos.catalogue import faults, find_fault
from cartwheel.chaos.metrics import ReplicaMetrics
from cartwheel.chaos.plan import random_plan
from cartwheel.chaos.probes import Seen
from cartwheel.chaos.reactions import QUERIES, Reactions
from cartwheel.chaos.results import FaultResult, ProbeFigures, SymptomSeen

KNOWN = list(faults().values())
CART_HUNG = FaultResult(
    find_fault("cart-hung"),
    injected_at=0.0,
    lasted=6.0,
    symptom=SymptomSeen(after=1.0, value=1.0, before=0.0),
    probes={
        "browse": ProbeFigures(sent=20, ok=20, slowest=0.1),
        "cart-read": ProbeFigures(sent=20, ok=10, slowest=3.0),
    },
    recovery=1.0,
)


def test_a_seed_gives_the_same_plan_and_another_seed_another() -> None:
    first, again, other = (list(islice(random_plan(KNOWN, seed=n), 60)) for n in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_random_plan_has_each_fault_once_before_any_comes_again() -> None:
    planned = islice(random_plan(KNOWN, seed=7), len(KNOWN))
    assert {one.fault.id for one in planned} == set(faults())


def test_a_fault_is_good_if_it_was_seen_and_all_held_and_the_shop_recovered() -> None:
    assert CART_HUNG.is_good
    late = SymptomSeen(after=5.0, value=1.0, before=0.0)
    slow = {**CART_HUNG.probes, "cart-read": ProbeFigures(sent=20, ok=10, slowest=5.1)}
    for bad in (
        replace(CART_HUNG, recovery=None),
        replace(CART_HUNG, recovery=6.1),
        replace(CART_HUNG, symptom=SymptomSeen(after=None, value=0.0, before=0.0)),
        replace(CART_HUNG, symptom=late),
        replace(CART_HUNG, probes=slow),
        replace(CART_HUNG, problem="cart has no running replica."),
    ):
        assert not bad.is_good


def test_a_symptom_is_not_missed_in_a_fault_that_was_ended_before_it_was_due() -> None:
    unseen = SymptomSeen(after=None, value=0.0, before=0.0)
    assert replace(CART_HUNG, symptom=unseen, lasted=2.0).is_good


def test_figures_of_a_probe_count_what_succeeded_and_the_slowest() -> None:
    seen = [Seen(0.0, 0.5, ok=True), Seen(1.0, 3.0, ok=False)]
    assert ProbeFigures.of(seen) == ProbeFigures(sent=2, ok=1, slowest=2.0)


def test_replicas_that_were_restarted_since_the_first_look_are_named() -> None:
    reactions = Reactions()
    for restarts in (3, 3, 4):
        reactions.observe(ReplicaMetrics(QUERIES), status_of(restarts))
    assert list(reactions.sentences) == ["restarted cart-1"]
    reactions.forget()
    reactions.observe(ReplicaMetrics(QUERIES), status_of(4))
    assert list(reactions.sentences) == []


def status_of(restarts: int) -> dict[str, list[dict[str, object]]]:
    replica = {"replica": "cart-1", "restarts": restarts, "port": None}
    return {"services": [{"service": "cart", "replicas": [replica]}], "servers": []}

"""The schedule of a soak: reproducible, fair, and never without a pause."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartwheel.chaos.soak.schedule import (
    MAX_FAULT_SECONDS,
    MIN_FAULT_SECONDS,
    MIN_PAUSE,
    PAIR_DELAY,
    Candidate,
    Kind,
    Step,
    schedule,
)

SERVICES = ("cart", "products", "storefront", "tracking", "user")
CANDIDATES = [
    Candidate("cart-killed", 1, frozenset({"cart"})),
    Candidate("cart-slow", 60, frozenset({"cart", "storefront"})),
    Candidate("products-stopped", 5, frozenset({"products"})),
    Candidate("valkey-killed", 6, frozenset({"valkey"})),
    Candidate("user-slow", 8, frozenset({"user"})),
]
HITS = {one.name: one.hits for one in CANDIDATES}


def faults_of(steps: Sequence[Step]) -> Sequence[Step]:
    return [step for step in steps if step.kind is Kind.FAULT]


def steps_for(seed: int, *, seconds: float = 600) -> Sequence[Step]:
    return schedule(CANDIDATES, SERVICES, seed=seed, seconds=seconds)


def test_the_same_seed_is_the_same_schedule_in_whatever_order_the_faults_are_listed() -> None:
    assert schedule(CANDIDATES[::-1], SERVICES[::-1], seed=7, seconds=600) == steps_for(7)
    assert steps_for(8) != steps_for(7)


@given(st.integers(min_value=0), st.floats(min_value=15, max_value=3600))
def test_faults_that_overlap_hit_different_parts_and_end_before_the_soak(
    seed: int, seconds: float
) -> None:
    faults = faults_of(steps_for(seed, seconds=seconds))
    for number, fault in enumerate(faults):
        assert MIN_FAULT_SECONDS <= fault.seconds <= MAX_FAULT_SECONDS
        assert fault.ends_at <= seconds + 0.02
        others = [one for one in faults[number + 1 :] if one.at < fault.ends_at]
        assert len(others) <= 1
        assert all(not HITS[fault.name] & HITS[one.name] for one in others)


@given(st.integers(min_value=0))
def test_there_is_never_a_fault_for_long_without_a_pause(seed: int) -> None:
    free_since, ends_at = 0.0, 0.0
    for fault in faults_of(steps_for(seed)):
        if fault.at >= ends_at:
            assert not ends_at or fault.at - ends_at >= MIN_PAUSE - 0.02
            free_since = fault.at
        ends_at = max(ends_at, fault.ends_at)
        assert ends_at - free_since <= PAIR_DELAY + MAX_FAULT_SECONDS + 0.02


@given(st.integers(min_value=0))
def test_every_fault_is_drawn_before_one_is_drawn_again(seed: int) -> None:
    drawn = [step.name for step in faults_of(steps_for(seed))]
    assert len(drawn) > 50
    counts = Counter(drawn)
    assert set(counts) == set(HITS)
    assert max(counts.values()) - min(counts.values()) <= 2


@pytest.mark.parametrize("seconds", [120, 600])
def test_each_service_is_restarted_and_scaled_out_and_in(seconds: float) -> None:
    steps = steps_for(3, seconds=seconds)
    for kind in (Kind.RESTART, Kind.SCALE_OUT, Kind.SCALE_IN):
        assert sorted(step.name for step in steps if step.kind is kind) == sorted(SERVICES)
    scalings = [step for step in steps if step.kind in (Kind.SCALE_OUT, Kind.SCALE_IN)]
    for out, back in zip(scalings[::2], scalings[1::2], strict=True):
        assert (out.kind, back.kind) == (Kind.SCALE_OUT, Kind.SCALE_IN)
        assert out.name == back.name


def test_a_short_soak_has_as_many_changes_as_fit() -> None:
    changes = [step for step in steps_for(1, seconds=20) if step.kind is not Kind.FAULT]
    assert len(changes) == 5
    assert all(step.at < 20 for step in changes)


def test_without_a_fault_there_are_restarts_and_scalings() -> None:
    assert len(schedule([], SERVICES, seed=1, seconds=600)) == 15

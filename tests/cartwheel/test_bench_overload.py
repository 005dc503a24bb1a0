"""The bench of an overload: what it makes of the loads that it measured."""

from dataclasses import replace

from cartwheel.bench.load_generator import LoadResult
from cartwheel.bench.overload import ADAPTIVE, FIXED, KINDS, Measured, gates, rows

SERVED = LoadResult(requests=100, in_time=100, ok_p50=0.01, ok_p99=0.5)
HALF = LoadResult(requests=100, in_time=50, ok_p50=0.1, ok_p99=2.0, shed_p50=0.01, shed_p99=0.1)


def loaded(factor: float, browse: LoadResult, *, at_once: float | None = None) -> Measured:
    results = {**{kind.name: SERVED for kind in KINDS}, "browse": browse}
    return Measured(ADAPTIVE, factor, 10.0, 1.0, results, at_once)


def test_a_row_has_the_goodput_and_what_the_slowest_priority_waits() -> None:
    (row,) = rows([loaded(3.0, HALF, at_once=0.995)])
    assert (row["sent"], row["goodput"], row["of_best"]) == (30, 25, 1)
    assert (row["p50"], row["p99"], row["shed_p99"], row["at_once"]) == (100, 2000, 100, 99.5)
    assert [row[kind.name] for kind in KINDS] == [50, 100, 100]


def test_goodput_is_compared_with_the_best_of_the_same_limit() -> None:
    other = replace(loaded(1.0, SERVED), variant=FIXED, seconds=1.0)
    shares = [row["of_best"] for row in rows([loaded(1.0, SERVED), loaded(3.0, HALF), other])]
    assert shares == [1, 25 / 30, 1]


def test_rounds_are_medians() -> None:
    quick, slow = replace(HALF, in_time=100), replace(HALF, in_time=0)
    (row,) = rows([loaded(3.0, one) for one in (slow, HALF, quick)])
    assert row["goodput"] == 25


def test_gates_judge_the_highest_load_of_the_adaptive_limit() -> None:
    measured = [loaded(1.0, SERVED), loaded(3.0, HALF, at_once=0.9)]
    assert [gate.outcome for gate in gates(measured)] == ["missed", "passed", "missed", "passed"]


def test_what_was_not_measured_passes_no_gate() -> None:
    assert {gate.outcome for gate in gates([])} == {"not measured"}

"""The bench of the local autoscaler: what it makes of the steps that it measured."""

from cartwheel.bench.autoscale import gates, summary
from cartwheel.bench.load_steps import StepResult

STEP = StepResult(
    step_to_decision=1.0,
    decision_to_first_serving=0.2,
    step_to_full_decision=1.0,
    full_decision_to_all_serving=0.5,
    step_to_all_serving=1.5,
    largest_deviation=0.125,
    end_to_few=25.0,
    requests=3000,
    failed=0,
)
SLOW = StepResult(
    step_to_decision=2.0,
    decision_to_first_serving=0.4,
    step_to_full_decision=1.0,
    full_decision_to_all_serving=3.5,
    step_to_all_serving=5.5,
    largest_deviation=0.25,
    end_to_few=40.0,
    requests=3000,
    failed=2,
)
NEVER = StepResult(
    step_to_decision=1.0,
    decision_to_first_serving=0.2,
    step_to_full_decision=1.0,
    full_decision_to_all_serving=None,
    step_to_all_serving=None,
    largest_deviation=None,
    end_to_few=None,
    requests=3000,
    failed=0,
)


def test_a_row_has_the_quantiles_of_all_steps() -> None:
    row = summary([STEP, STEP, SLOW])
    assert row["steps"] == "3 of 3"
    assert (row["step_to_decision_p50"], row["step_to_decision_p95"]) == (1.0, 2.0)
    assert (row["deviation"], row["back"]) == (25.0, 40.0)
    assert (row["requests"], row["failed"]) == (9000, 2)


def test_gates_judge_the_slowest_steps() -> None:
    assert [gate.outcome for gate in gates([STEP, STEP])] == [
        "stretch passed",
        "stretch passed",
        "passed",
        "passed",
        "passed",
    ]
    assert [gate.outcome for gate in gates([STEP, SLOW])] == [
        "missed",
        "passed",
        "missed",
        "missed",
        "passed",
    ]


def test_a_step_after_which_not_all_replicas_serve_passes_no_gate() -> None:
    row = summary([STEP, NEVER])
    assert row["steps"] == "1 of 2"
    assert row["deviation"] is None
    outcomes = [gate.outcome for gate in gates([STEP, NEVER])]
    assert outcomes == ["not measured", "not measured", "passed", "not measured", "not measured"]

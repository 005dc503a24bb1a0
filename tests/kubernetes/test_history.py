"""What the controller may remember of an autoscaler."""

from typing import Any

from cartwheel.autoscaling.decision import Recommendation, ScaleEvent
from cartwheel.kubernetes.history import Rescale, inferred_state, rescales

NOW = 1795687300.0  # 2026-11-26T10:01:40Z


def event(message: str, *, name: str = "cart", **times: Any) -> dict[str, Any]:
    return {
        "involvedObject": {"name": name},
        "reason": "SuccessfulRescale",
        "message": message,
        **times,
    }


def test_changes_are_read_from_the_events_of_the_autoscaler() -> None:
    events = [
        event("New size: 5; reason: cpu above target", lastTimestamp="2026-11-26T10:01:10Z"),
        event(
            "New size: 3; reason: cpu above target",
            lastTimestamp=None,
            series={"lastObservedTime": "2026-11-26T10:00:10.5Z"},
        ),
        event("New size: 9; reason: x", name="other", lastTimestamp="2026-11-26T10:01:10Z"),
        event("unable to get metrics", lastTimestamp="2026-11-26T10:01:10Z"),
    ]

    assert rescales(events, autoscaler="cart") == [
        Rescale(1795687210.5, 3, "cpu above target"),
        Rescale(1795687270.0, 5, "cpu above target"),
    ]


def test_scale_events_are_the_steps_between_changes() -> None:
    changes = [Rescale(NOW - 30, 3, ""), Rescale(NOW - 20, 7, ""), Rescale(NOW - 10, 5, "")]
    status = {"currentReplicas": 5, "lastScaleTime": "2026-11-26T10:01:30Z"}

    state = inferred_state({"status": status}, changes, now=NOW)

    assert state.scale_ups == [ScaleEvent(4, NOW - 20)]
    assert state.scale_downs == [ScaleEvent(2, NOW - 10)]
    assert state.recommendations == [Recommendation(5, NOW - 10)]


def test_a_count_that_never_changed_is_recommended_from_now_on() -> None:
    assert inferred_state({}, [], now=NOW).recommendations == [Recommendation(0, NOW)]

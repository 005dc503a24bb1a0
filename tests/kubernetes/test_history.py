"""What the controller may remember of an autoscaler."""

from typing import Any

import pytest

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
        event(
            "New size: 5; reason: external metric rps(&LabelSelector{x}) above target",
            lastTimestamp="2026-11-26T10:01:10Z",
        ),
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
        Rescale(1795687270.0, 5, "external metric rps above target"),
    ]


def test_scale_events_are_the_steps_between_changes() -> None:
    changes = [Rescale(NOW - 30, 3, ""), Rescale(NOW - 20, 7, ""), Rescale(NOW - 10, 5, "")]

    state = inferred_state({}, changes, now=NOW)

    assert state.scale_ups == [ScaleEvent(4, NOW - 20)]
    assert state.scale_downs == [ScaleEvent(2, NOW - 10)]


@pytest.mark.parametrize(
    ("condition", "reason", "at"),
    [
        # The last sync recommended this count, or a recommendation of it still counts.
        ("AbleToScale", "ReadyForNewScale", NOW),
        ("AbleToScale", "ScaleDownStabilized", NOW),
        # The last sync recommended another one.
        ("AbleToScale", "SucceededRescale", NOW - 10),
        ("ScalingLimited", "ScaleDownLimit", NOW - 10),
    ],
)
def test_when_the_current_count_was_last_recommended(
    condition: str, reason: str, at: float
) -> None:
    status = {
        "currentReplicas": 5,
        "lastScaleTime": "2026-11-26T10:01:30Z",
        "conditions": [{"type": condition, "status": "True", "reason": reason}],
    }

    state = inferred_state({"status": status}, [], now=NOW)

    assert state.recommendations == [Recommendation(5, at)]

"""The options of the controller."""

import pytest

from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.errors import UsageError
from cartwheel.kubernetes.controller_options import (
    arguments_from,
    controller_arguments,
    minor_version,
    options_of,
)


def test_options_are_those_of_the_arguments_and_the_version() -> None:
    arguments = [
        "kube-controller-manager",
        "--horizontal-pod-autoscaler-sync-period=1s",
        "--horizontal-pod-autoscaler-tolerance=0.05",
        "--horizontal-pod-autoscaler-downscale-stabilization=1m30s",
        "--v=2",
    ]

    assert options_of(arguments, minor_version=35) == ControllerOptions(
        sync_period=1.0, tolerance=0.05, downscale_stabilization=90.0, scale_to_zero=False
    )
    assert options_of([], minor_version=37) == ControllerOptions()


def test_a_flag_and_its_value_may_be_two_arguments() -> None:
    arguments = [
        "--horizontal-pod-autoscaler-sync-period",
        "1s",
        "--feature-gates",
        "HPAScaleToZero=true",
    ]

    options = options_of(arguments, minor_version=35)

    assert (options.sync_period, options.scale_to_zero) == (1.0, True)


def test_a_gate_that_is_set_stands_above_the_version() -> None:
    arguments = ["--feature-gates=Other=true,HPAScaleToZero=true"]

    assert options_of(arguments, minor_version=35).scale_to_zero


def test_a_controller_manager_in_a_pod_shows_its_arguments() -> None:
    proxy = {"spec": {"containers": [{"command": ["proxy"]}]}}
    manager = {"spec": {"containers": [{"command": ["kube-controller-manager", "--v=2"]}]}}

    assert controller_arguments([proxy, manager]) == ["kube-controller-manager", "--v=2"]
    assert controller_arguments([proxy]) is None


def test_a_person_can_say_what_the_arguments_are() -> None:
    options = options_of(arguments_from("sync-period=1s,tolerance=0.05"), minor_version=37)

    assert options == ControllerOptions(sync_period=1.0, tolerance=0.05)


@pytest.mark.parametrize("text", ["sync=1s", "sync", ""])
def test_a_setting_that_the_controller_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        arguments_from(text)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("sync-period", "a duration such as 15s"),
        ("sync-period=15", "a duration such as 15s"),
        ("sync-period=15s!", "a duration such as 15s"),
        ("downscale-stabilization=300", "a duration such as 15s"),
        ("sync-period=0s", "at least 0.1s"),
        ("sync-period=1ns", "at least 0.1s"),
        ("tolerance=15s", "a number such as 0.1"),
        ("tolerance=1.2.3", "a number such as 0.1"),
        ("tolerance=.", "a number such as 0.1"),
        ("tolerance=nan", "a number such as 0.1"),
        ("tolerance=-0.1", "a number such as 0.1"),
    ],
)
def test_a_value_that_the_controller_cannot_have_is_refused(setting: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        arguments_from(setting)
    with pytest.raises(UsageError, match=problem):
        options_of([f"--horizontal-pod-autoscaler-{setting}"], minor_version=35)


def test_no_stabilization_is_a_value() -> None:
    options = options_of(arguments_from("downscale-stabilization=0s"), minor_version=37)

    assert options.downscale_stabilization == 0


def test_options_without_time_between_two_syncs_are_refused() -> None:
    with pytest.raises(ValueError, match="sync period must be above 0"):
        ControllerOptions(sync_period=0.0)


@pytest.mark.parametrize(
    ("minor", "number"), [("35", 35), ("35+", 35), ("28.4", 28), ("", 0), ("x", 0)]
)
def test_versions_of_clouds_are_read(minor: str, number: int) -> None:
    assert minor_version({"minor": minor}) == number

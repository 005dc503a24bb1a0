"""Faults that other processes have begun."""

from typing import Any

from cartwheel.console.faults.faults_elsewhere import FaultsElsewhere
from cartwheel.mesh import Mark


def effect(session: str, target: str, *, age: float = 1.0) -> dict[str, Any]:
    return {"session": session, "target": target, "sentence": "stopped (SIGSTOP)", "age": age}


def test_the_effects_of_a_session_are_one_fault_with_its_name_in_the_catalogue() -> None:
    marks: list[Mark] = []
    (state,) = FaultsElsewhere(mark=marks.append).states(
        [effect("cartwheel chaos run cart-hung", "cart-1", age=2.0)]
    )
    assert (state.fault, state.title) == ("cart-hung", "A replica of the cart hangs")
    assert (state.targets, state.seconds) == (["cart-1"], 2.0)
    assert state.by == "cartwheel chaos run cart-hung"


def test_a_session_of_no_fault_of_the_catalogue_says_what_it_does() -> None:
    (state,) = FaultsElsewhere(mark=lambda _: None).states([effect("my script", "valkey")])
    assert (state.fault, state.title) == ("", "stopped (SIGSTOP)")


def test_a_fault_from_elsewhere_is_marked_when_it_begins_and_when_it_has_ended() -> None:
    marks: list[Mark] = []
    elsewhere = FaultsElsewhere(mark=marks.append)
    for effects in ([], [effect("my script", "valkey")], [effect("my script", "valkey")], []):
        elsewhere.states(effects)
    assert [mark.title for mark in marks] == ["valkey begins", "valkey has ended"]


def test_a_fault_that_is_older_than_the_console_goes_on() -> None:
    marks: list[Mark] = []
    FaultsElsewhere(mark=marks.append).states([effect("my script", "valkey", age=20.0)])
    assert [mark.title for mark in marks] == ["valkey goes on"]


def test_the_consoles_own_faults_are_not_from_elsewhere() -> None:
    elsewhere = FaultsElsewhere(mark=lambda _: None)
    assert elsewhere.states([effect("cartwheel console: cart-hung", "cart-1")]) == []

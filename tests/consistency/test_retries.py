"""Operations that were sent again: by their client, or inside the shop."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cartwheel.consistency import BookedCart, Books, check
from loadtest.history import Operation, Outcome


def operation(
    client: int, call: str, input: Mapping[str, Any], output: Mapping[str, Any], *times: float
) -> Operation:
    return Operation(client, "cart/anna", call, input, output, Outcome.OK, *times)


ADD = operation(
    1,
    "add",
    {"sku": "TRAIN", "quantity": 1, "key": "one"},
    {"version": 3, "lines": {"DUCK": 1, "TRAIN": 1}, "replayed": True},
    2.0,
    6.0,
)


def findings(*history: Operation, books: BookedCart) -> list[str]:
    report = check(history, Books(carts={"anna": books}), names=["linearizable-carts"])
    return [finding.sentence for finding in report.findings]


def test_another_change_may_come_between_its_effect_and_its_response() -> None:
    before = operation(
        2, "add", {"sku": "DUCK", "quantity": 2}, {"version": 1, "lines": {"DUCK": 2}}, 0.0, 1.0
    )
    between = operation(
        2,
        "set",
        {"sku": "DUCK", "quantity": 1},
        {"version": 3, "lines": {"DUCK": 1, "TRAIN": 1}},
        2.1,
        5.9,
    )
    books = BookedCart(3, {"DUCK": 1, "TRAIN": 1})
    assert findings(before, between, ADD, books=books) == []


def test_a_replay_of_what_never_had_an_effect_is_found() -> None:
    before = operation(
        2, "add", {"sku": "DUCK", "quantity": 1}, {"version": 1, "lines": {"DUCK": 1}}, 0.0, 1.0
    )
    output = {"version": 1, "lines": {"DUCK": 1}, "replayed": True}
    lost = operation(1, "add", ADD.input, output, 2.0, 6.0)
    assert len(findings(before, lost, books=BookedCart(1, {"DUCK": 1}))) == 1


def test_a_replay_that_had_its_effect_twice_is_found() -> None:
    output = {"version": 2, "lines": {"TRAIN": 2}, "replayed": True}
    doubled = operation(1, "add", ADD.input, output, 2.0, 6.0)
    assert len(findings(doubled, books=BookedCart(2, {"TRAIN": 2}))) == 1


REMOVE = operation(1, "remove", {"sku": "DUCK"}, {"version": 4, "lines": {}}, 2.0, 6.0)
FULL = operation(
    2, "add", {"sku": "DUCK", "quantity": 2}, {"version": 1, "lines": {"DUCK": 2}}, 0.0, 1.0
)


def set_again(*times: float) -> Operation:
    output = {"version": 3, "lines": {"DUCK": 1}}
    return operation(2, "set", {"sku": "DUCK", "quantity": 1}, output, *times)


def test_a_remove_may_take_effect_twice_until_it_returns() -> None:
    assert findings(FULL, REMOVE, set_again(3.0, 4.0), books=BookedCart(4, {})) == []


def test_a_remove_of_unknown_outcome_may_take_effect_twice_at_any_time() -> None:
    lost = replace(REMOVE, outcome=Outcome.UNKNOWN, output={}, returned_at=2.5)
    assert findings(FULL, lost, set_again(3.0, 4.0), books=BookedCart(4, {})) == []


def test_a_remove_that_takes_effect_again_after_it_returned_is_found() -> None:
    removed = operation(1, "remove", {"sku": "DUCK"}, {"version": 2, "lines": {}}, 2.0, 3.0)
    assert len(findings(FULL, removed, set_again(4.0, 5.0), books=BookedCart(4, {}))) == 1

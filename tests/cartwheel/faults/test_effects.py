"""The descriptions of effects: what is read is what was written, and nothing else is accepted."""

import pytest

from cartwheel.errors import UsageError
from cartwheel.local.faults.effects import (
    BlockEventLoop,
    Effect,
    HoldStore,
    Kill,
    Limit,
    ShiftClock,
    Stop,
    StoreSetting,
    Throttle,
    Toxics,
    effect_as_json,
    read_effect,
)


@pytest.mark.parametrize(
    "effect",
    [
        Stop("cart-*"),
        Kill("valkey"),
        Throttle("cart-7xk2b", 0.2),
        Limit("cart-*", "open_files", 64),
        Toxics(edge="storefront->cart", toxics=({"type": "latency", "latency_ms": 500},)),
        Limit("cart-*", "memory", 96_000_000),
        BlockEventLoop("cart-*", 5.0),
        ShiftClock("user", -600.0),
        StoreSetting("valkey", "maxmemory", "1mb"),
        StoreSetting("postgres", "work_mem", 64),
        HoldStore("products", "connections"),
        Toxics(store="cart", toxics=({"type": "down"},)),
    ],
)
def test_an_effect_is_read_as_it_was_written(effect: Effect) -> None:
    assert read_effect(effect_as_json(effect)) == effect


@pytest.mark.parametrize(
    ("description", "place"),
    [
        ({}, "The effect is missing: it is one of block_event_loop, hold_store, kill, limit, "),
        ({"effect": "explode"}, "There is no effect 'explode': it is one of block_event_loop, "),
        ({"effect": ["stop"]}, r"There is no effect \['stop'\]"),
        ({"effect": "throttle", "process": "cart-*", "share": 0.001}, "throttle share"),
        ({"effect": "shift_clock", "service": "user", "seconds": 0}, "shift_clock"),
        ({"effect": "stop"}, "stop process"),
        ({"effect": "stop", "process": ""}, "stop process"),
        ({"effect": "stop", "process": "cart-*", "more": 1}, "stop more"),
        ({"effect": "throttle", "process": "cart-*", "share": 1.5}, "throttle share"),
        ({"effect": "limit", "process": "cart-*", "resource": "wheels", "value": 1}, "resource"),
        ({"effect": "limit", "process": "cart-*", "resource": "file_size", "value": "1"}, "value"),
        ({"effect": "store_setting", "store": "valkey", "name": "a b", "value": 1}, "name"),
        ({"effect": "store_setting", "store": "valkey", "name": "a", "value": "'; x"}, "value"),
        ({"effect": "toxics", "toxics": [{"type": "down"}]}, "one edge or before one store"),
        ({"effect": "toxics", "edge": "a->b", "toxics": []}, "toxics toxics"),
        ({"effect": "toxics", "edge": "a->b", "toxics": [{"type": "rust"}]}, "not 'rust'"),
    ],
)
def test_a_wrong_description_is_refused_in_one_line_that_names_the_place(
    description: dict[str, object], place: str
) -> None:
    with pytest.raises(UsageError, match=place) as refused:
        read_effect(description)
    assert "\n" not in str(refused.value)

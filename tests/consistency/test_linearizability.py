"""The search for an order of concurrent calls."""

from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from cartwheel.consistency.linearizability import (
    Limits,
    Linearizable,
    NotLinearizable,
    TimedCall,
    Undecided,
    linearize,
)
from cartwheel.consistency.stock_model import StockCall, StockModel
from tests.consistency.brute_force import is_linearizable, until

MAX_EXAMPLES = 250
"""Run once with 20,000."""

Calls = Sequence[TimedCall[StockCall]]


def timed(call: str, amount: int, start: int, end: int, *, optional: bool = False):  # type: ignore[no-untyped-def]
    return TimedCall(StockCall(call, amount), start, end, optional=optional)


def judged(calls: Calls, *, stock: int = 0) -> type:
    return type(linearize(StockModel(stock), calls))


# A register with one writer at a time, as in the papers: `restock` writes, `read` reads.
REGISTERS = {
    "a read during a write may show the value before": (
        [timed("restock", 1, 0, 10), timed("read", 0, 2, 3)],
        Linearizable,
    ),
    "a read during a write may show the value after": (
        [timed("restock", 1, 0, 10), timed("read", 1, 2, 3)],
        Linearizable,
    ),
    "a value that one read has shown cannot vanish in the next": (
        [timed("restock", 1, 0, 10), timed("read", 1, 2, 3), timed("read", 0, 4, 5)],
        NotLinearizable,
    ),
    "a read after a write shows it": (
        [timed("restock", 1, 0, 1), timed("read", 0, 2, 3)],
        NotLinearizable,
    ),
    "two writes at once may come in either order": (
        [timed("restock", 1, 0, 5), timed("restock", 2, 0, 5), timed("read", 1, 6, 7)],
        Linearizable,
    ),
    "two writes at once come in one order for everybody": (
        [
            timed("restock", 1, 0, 5),
            timed("restock", 2, 0, 5),
            timed("read", 1, 6, 9),
            timed("read", 2, 6, 9),
        ],
        NotLinearizable,
    ),
    "a write without a response may come late": (
        [timed("restock", 1, 0, 99, optional=True), timed("read", 0, 5, 6), timed("read", 1, 7, 8)],
        Linearizable,
    ),
    "a write without a response may never come": (
        [timed("restock", 1, 0, 99, optional=True), timed("read", 0, 100, 101)],
        Linearizable,
    ),
    "a write without a response comes once": (
        [
            timed("restock", 1, 0, 99, optional=True),
            timed("restock", 2, 2, 3),
            timed("read", 1, 4, 5),
            timed("restock", 2, 6, 7),
            timed("read", 1, 8, 9),
        ],
        NotLinearizable,
    ),
    "nobody saw what was never written": ([timed("read", 7, 0, 1)], NotLinearizable),
    "no calls": ([], Linearizable),
}


@pytest.mark.parametrize("name", REGISTERS)
def test_known_histories_are_judged_rightly(name: str) -> None:
    calls, expected = REGISTERS[name]
    assert judged(calls) is expected


def test_stock_is_sold_once() -> None:
    last_piece = [timed("sell", 1, 0, 5), timed("sell", 1, 0, 5)]
    assert judged(last_piece, stock=2) is Linearizable
    assert judged(last_piece, stock=1) is NotLinearizable


def test_a_counterexample_ends_with_the_first_return_that_cannot_be() -> None:
    calls = [
        timed("restock", 3, 0, 1),
        timed("read", 3, 2, 3),
        timed("read", 4, 4, 6),
        timed("sell", 1, 5, 9),
        timed("read", 2, 10, 11),
    ]
    found = linearize(StockModel(0), calls)
    assert isinstance(found, NotLinearizable)
    assert found.stuck == calls[2]
    assert found.prefix == calls[:4]


def test_a_search_that_takes_too_long_is_not_decided() -> None:
    sales = [timed("sell", 2**n, 0, 99, optional=True) for n in range(20)]
    impossible = [*sales, timed("read", 0, 100, 100)]
    limits = Limits(configurations=1000)
    found = linearize(StockModel(2**21), impossible, limits)
    assert found == Undecided("it has more than 1000 configurations")
    found = linearize(StockModel(2**21), impossible, Limits(seconds=0.0))
    assert found == Undecided("it takes longer than 0 s")


spans = st.tuples(st.integers(0, 12), st.integers(0, 5))
calls_of_stock = st.builds(
    lambda call, amount, span, optional: timed(
        call, amount, span[0], span[0] + span[1], optional=optional
    ),
    st.sampled_from(["read", "read", "restock", "sell", "hold", "give_back"]),
    st.integers(0, 2),
    spans,
    st.sampled_from([False, False, True]),
)


@settings(max_examples=MAX_EXAMPLES, deadline=None)
@given(calls=st.lists(calls_of_stock, min_size=2, max_size=6))
def test_the_search_agrees_with_all_permutations(calls: Calls) -> None:
    model = StockModel(2)
    found = linearize(model, calls)
    assert isinstance(found, Linearizable) == is_linearizable(model, calls)
    if isinstance(found, NotLinearizable):
        assert not is_linearizable(model, until(calls, found.stuck.returned_at))
        assert is_linearizable(model, until(calls, found.stuck.returned_at - 0.5))

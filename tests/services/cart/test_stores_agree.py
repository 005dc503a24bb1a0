"""Both stores have the same result for any sequence of requests."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from app.errors import IdempotencyKeyReused
from app.stores.migrations import migrate
from services.cart.models import AddResult, CartLimit, Line
from services.cart.repository import CartRepository
from tests.services.cart.conftest import open_carts

SHOPPERS = ("user_1", "guest_1")

shoppers = st.sampled_from(SHOPPERS)
lines = st.builds(Line, sku=st.sampled_from(["MUG", "LAMP-2", "10"]), quantity=st.integers(1, 99))
keys = st.sampled_from(["k1", "k2"])
orders = st.sampled_from(["order-0001", "order-0002"])
steps = st.one_of(
    st.tuples(st.just("add"), shoppers, lines, st.none() | keys),
    st.tuples(st.just("find_add"), shoppers, lines, keys),
    st.tuples(st.just("set"), shoppers, lines),
    st.tuples(st.just("remove"), shoppers, st.sampled_from(["MUG", "10"])),
    st.tuples(st.just("clear"), shoppers),
    st.tuples(st.just("merge")),
    st.tuples(
        st.just("take_ordered_lines"), shoppers, orders, st.lists(lines, min_size=1, max_size=3)
    ),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sequence=st.lists(steps, min_size=3, max_size=15))
def test_both_stores_have_the_same_results_for_any_sequence_of_requests(
    sequence: Sequence[tuple[Any, ...]], valkey_server_url: str, tmp_path: Path
) -> None:
    sqlite_url = f"sqlite:///{tmp_path}/cart.sqlite3"

    async def run_both() -> None:
        await migrate("services.cart", sqlite_url)
        async with AsyncExitStack() as stack:
            run_id = secrets.token_hex(6)
            results = [
                await _run(await stack.enter_async_context(open_carts(url)), sequence, run_id)
                for url in (sqlite_url, valkey_server_url)
            ]
        assert results[0] == results[1]

    asyncio.run(run_both())


async def _run(
    carts: CartRepository, sequence: Sequence[tuple[Any, ...]], run_id: str
) -> list[object]:
    """All results and the carts at the end, without times."""
    results = [await _run_step(carts, step, run_id) for step in sequence]
    ends = [_timeless((await carts.read(f"{shopper}_{run_id}")).cart) for shopper in SHOPPERS]
    return [*results, *ends]


async def _run_step(carts: CartRepository, step: tuple[Any, ...], run_id: str) -> object:
    verb, *rest = step
    if verb == "merge":
        return _timeless(await carts.merge(f"user_1_{run_id}", guest=f"guest_1_{run_id}"))
    subject, *rest = rest
    subject = f"{subject}_{run_id}"
    try:
        if verb == "add":
            line, key = rest
            return _timeless_result(await carts.add(subject, line, key=key))
        if verb == "find_add":
            line, key = rest
            earlier = await carts.find_add(subject, line, key=key)
            return None if earlier is None else _timeless_result(earlier)
        return _timeless(await getattr(carts, verb)(subject, *rest))
    except (CartLimit, IdempotencyKeyReused) as error:
        return type(error)


def _timeless_result(added: AddResult) -> object:
    return added.replayed, _timeless(added.cart)


def _timeless(response: Any) -> object:
    return response.model_dump(exclude={"updated_at"})

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
from services.cart.models import CartLimit, Line
from services.cart.repository import CartRepository
from tests.services.cart.conftest import open_carts

SHOPPERS = ("user_1", "guest_1")

shoppers = st.sampled_from(SHOPPERS)
lines = st.builds(Line, sku=st.sampled_from(["MUG", "LAMP-2", "10"]), quantity=st.integers(1, 99))
keys = st.none() | st.sampled_from(["k1", "k2"])
orders = st.sampled_from(["order-0001", "order-0002"])
steps = st.one_of(
    st.tuples(st.just("add"), shoppers, lines, keys),
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
@given(story=st.lists(steps, min_size=3, max_size=15))
def test_both_stores_answer_the_same_to_any_story(
    story: Sequence[tuple[Any, ...]], valkey_server_url: str, tmp_path: Path
) -> None:
    sqlite_url = f"sqlite:///{tmp_path}/cart.sqlite3"

    async def tell_both() -> None:
        await migrate("services.cart", sqlite_url)
        async with AsyncExitStack() as stack:
            chapter = secrets.token_hex(6)
            told = [
                await _tell(await stack.enter_async_context(open_carts(url)), story, chapter)
                for url in (sqlite_url, valkey_server_url)
            ]
        assert told[0] == told[1]

    asyncio.run(tell_both())


async def _tell(
    carts: CartRepository, story: Sequence[tuple[Any, ...]], chapter: str
) -> list[object]:
    """All results and the carts at the end, without times."""
    answers = [await _answer(carts, step, chapter) for step in story]
    ends = [_timeless(await carts.read(f"{shopper}_{chapter}")) for shopper in SHOPPERS]
    return [*answers, *ends]


async def _answer(carts: CartRepository, step: tuple[Any, ...], chapter: str) -> object:
    verb, *rest = step
    if verb == "merge":
        return _timeless(await carts.merge(f"user_1_{chapter}", guest=f"guest_1_{chapter}"))
    subject, *rest = rest
    subject = f"{subject}_{chapter}"
    try:
        if verb == "add":
            line, key = rest
            added = await carts.add(subject, line, key=key)
            return added.replayed, _timeless(added.cart)
        return _timeless(await getattr(carts, verb)(subject, *rest))
    except (CartLimit, IdempotencyKeyReused) as refusal:
        return type(refusal)


def _timeless(answer: Any) -> object:
    return answer.model_dump(exclude={"updated_at"})

"""Carts in Valkey or Redis: one script, one round trip, per request.

Keys, all of which expire by themselves:

====================================  ======  ===================================================
``cart:<subject>``                    hash    SKU → quantity; ``version``; ``updated_at``
``cart:<subject>:adds``               list    the latest adds with an Idempotency-Key, newest
                                              first: digest of the key, digest of the request
``cart:<subject>:order:<order id>``   string  the order's lines were taken
====================================  ======  ===================================================

What a shopper can store is bounded: one cart of 100 lines and 64 remembered adds.

A merge touches the carts of two subjects, so the keys must live on one primary (with as many
replicas as you like); this is not made for a sharded cluster.
"""

from collections.abc import Sequence
from importlib.resources import files

from app.errors import IdempotencyKeyReused
from app.stores.clock import moment
from app.stores.valkey import Script, Valkey
from services.cart.models import (
    MAX_LINES,
    MAX_QUANTITY,
    AddedItem,
    Cart,
    CartLimit,
    Line,
    MergedCart,
    Notice,
    TakenOrder,
)
from services.cart.repository import (
    MAX_REMEMBERED,
    Retention,
    digests_of,
)

LIMITS = (
    f"local MAX_LINES, MAX_QUANTITY = {MAX_LINES}, {MAX_QUANTITY}\n"
    f"local MAX_REMEMBERED = {MAX_REMEMBERED}\n"
)


class ValkeyCarts:
    """A `CartRepository` on a Valkey or Redis server, whose clock is the one that counts."""

    def __init__(self, valkey: Valkey, retention: Retention) -> None:
        self._valkey = valkey
        self._cart_ms = retention.of_cart
        self._remembered_ms = retention.remembered_add * 1000
        self._add = _script("remembered_adds", "add")
        self._find_add = _script("remembered_adds", "find_add")
        self._set = _script("set")
        self._clear = _script("clear")
        self._merge = _script("merge")
        self._take = _script("take")

    async def read(self, subject: str) -> Cart:
        return _cart(await self._valkey.command("read", "HGETALL", _key(subject)))

    async def add(self, subject: str, line: Line, *, key: str | None) -> AddedItem:
        keys: list[str] = [_key(subject)]
        arguments: list[str | int] = [self._cart_ms(subject), line.sku, line.quantity]
        if key is not None:
            keys.append(_key_of_adds(subject))
            arguments += [*digests_of(key, line), self._remembered_ms]
        reply = await self._valkey.run("add", self._add, keys=keys, arguments=arguments)
        return _added(*reply)

    async def find_add(self, subject: str, line: Line, *, key: str) -> AddedItem | None:
        reply = await self._valkey.run(
            "find_add",
            self._find_add,
            keys=[_key(subject), _key_of_adds(subject)],
            arguments=[self._cart_ms(subject), *digests_of(key, line)],
        )
        return None if reply[0] == "unknown" else _added(*reply)

    async def set(self, subject: str, line: Line) -> Cart:
        return await self._set_quantity("set", subject, line.sku, line.quantity)

    async def remove(self, subject: str, sku: str) -> Cart:
        return await self._set_quantity("remove", subject, sku, 0)

    async def clear(self, subject: str) -> Cart:
        _, fields = await self._valkey.run(
            "clear", self._clear, keys=[_key(subject)], arguments=[self._cart_ms(subject)]
        )
        return _cart(fields)

    async def merge(self, subject: str, *, guest: str) -> MergedCart:
        _, fields, notices = await self._valkey.run(
            "merge",
            self._merge,
            keys=[_key(subject), _key(guest)],
            arguments=[self._cart_ms(subject), self._cart_ms(guest)],
        )
        return MergedCart.of(
            _cart(fields),
            [Notice(sku=sku, requested=requested, kept=kept) for sku, requested, kept in notices],
        )

    async def take(self, subject: str, order_id: str, lines: Sequence[Line]) -> TakenOrder:
        ordered = [part for line in lines for part in (line.sku, line.quantity)]
        outcome, fields = await self._valkey.run(
            "take",
            self._take,
            keys=[_key(subject), f"{_key(subject)}:order:{order_id}"],
            arguments=[self._cart_ms(subject), *ordered],
        )
        return TakenOrder(order_id=order_id, taken=outcome == "done", version=_cart(fields).version)

    async def check(self) -> None:
        await self._valkey.ping()

    async def _set_quantity(self, operation: str, subject: str, sku: str, quantity: int) -> Cart:
        outcome, *fields = await self._valkey.run(
            operation,
            self._set,
            keys=[_key(subject)],
            arguments=(self._cart_ms(subject), sku, quantity),
        )
        if outcome == "limit":
            raise CartLimit
        return _cart(fields[0])


def _script(*names: str) -> Script:
    folder = files("services.cart.repository") / "scripts"
    parts = [(folder / f"{name}.lua").read_text() for name in ("common", *names)]
    return Script(LIMITS + "".join(parts))


def _key(subject: str) -> str:
    return f"cart:{subject}"


def _key_of_adds(subject: str) -> str:
    return f"{_key(subject)}:adds"


def _added(outcome: str, fields: Sequence[str] = ()) -> AddedItem:
    if outcome == "limit":
        raise CartLimit
    if outcome == "key reused":
        raise IdempotencyKeyReused
    return AddedItem(_cart(fields), replayed=outcome == "replayed")


def _cart(fields: Sequence[str]) -> Cart:
    """``fields`` is the hash as the server lists it: name, value, name, value …"""
    values = dict(zip(fields[::2], fields[1::2], strict=True))
    if not values:
        return Cart()
    version = int(values.pop("version"))
    updated_at = moment(int(values.pop("updated_at")))
    quantities = {sku: int(quantity) for sku, quantity in values.items()}
    return Cart.holding(quantities, version=version, updated_at=updated_at)

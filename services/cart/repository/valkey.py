"""Carts in Valkey or Redis. Each operation is one script, in one round trip; each change is atomic.

The keys, all of which expire:

====================================  ======  ===================================================
``cart:<subject>``                    hash    SKU → quantity; ``version``; ``updated_at``
``cart:<subject>:adds``               list    the idempotency keys of the latest adds, newest
                                              first: digest of the key, digest of the request
``cart:<subject>:order:<order id>``   string  exists once the order's lines were taken
====================================  ======  ===================================================

What one subject can store is bounded by `services.cart.models`.

A merge changes the carts of two subjects, so all keys must be on one primary, with any number of
replicas. A sharded cluster is not supported.
"""

from collections.abc import Sequence
from importlib.resources import files

from app.errors import IdempotencyKeyReused
from app.stores.valkey import Script, Valkey
from services.cart.models import (
    MAX_IDEMPOTENCY_KEYS,
    MAX_LINES,
    MAX_QUANTITY,
    AddResult,
    Cart,
    CartLimit,
    Line,
    MergedCart,
    ReducedLine,
    StoredCart,
    TakeResponse,
)
from services.cart.repository import Retention, digests_of

LUA_LIMITS = (
    f"local MAX_LINES, MAX_QUANTITY = {MAX_LINES}, {MAX_QUANTITY}\n"
    f"local MAX_IDEMPOTENCY_KEYS = {MAX_IDEMPOTENCY_KEYS}\n"
)
"""Ahead of every script. Constants in the script cost nothing per call, as arguments would."""


class ValkeyCartRepository:
    """A `CartRepository` on a Valkey or Redis server. All times are by the server's clock."""

    def __init__(self, valkey: Valkey, retention: Retention) -> None:
        self._valkey = valkey
        self._cart_ttl_ms = retention.cart_ttl_ms
        self._idempotency_key_ttl_ms = retention.idempotency_key_seconds * 1000
        self._add = _script("idempotency_keys", "add")
        self._find_add = _script("idempotency_keys", "find_add")
        self._set = _script("set")
        self._clear = _script("lines", "clear")
        self._merge = _script("lines", "merge")
        self._take = _script("take_ordered_lines")

    async def read(self, subject: str) -> StoredCart:
        return _stored(await self._valkey.command("read", "HGETALL", _cart_key(subject)))

    async def add(self, subject: str, line: Line, *, key: str | None) -> AddResult:
        keys: list[str] = [_cart_key(subject)]
        arguments: list[str | int] = [self._cart_ttl_ms(subject), line.sku, line.quantity]
        if key is not None:
            keys.append(_idempotency_keys_key(subject))
            arguments += [*digests_of(key, line), self._idempotency_key_ttl_ms]
        reply = await self._valkey.run("add", self._add, keys=keys, arguments=arguments)
        return _add_result(*reply)

    async def find_add(self, subject: str, line: Line, *, key: str) -> AddResult | None:
        reply = await self._valkey.run(
            "find_add",
            self._find_add,
            keys=[_cart_key(subject), _idempotency_keys_key(subject)],
            arguments=[self._cart_ttl_ms(subject), *digests_of(key, line)],
        )
        return None if reply[0] == "unknown" else _add_result(*reply)

    async def set(self, subject: str, line: Line) -> Cart:
        return await self._set_quantity("set", subject, line.sku, line.quantity)

    async def remove(self, subject: str, sku: str) -> Cart:
        return await self._set_quantity("remove", subject, sku, 0)

    async def clear(self, subject: str) -> Cart:
        _, fields = await self._valkey.run(
            "clear", self._clear, keys=[_cart_key(subject)], arguments=[self._cart_ttl_ms(subject)]
        )
        return _cart(fields)

    async def merge(self, subject: str, *, guest: str) -> MergedCart:
        _, fields, reduced = await self._valkey.run(
            "merge",
            self._merge,
            keys=[_cart_key(subject), _cart_key(guest)],
            arguments=[self._cart_ttl_ms(subject), self._cart_ttl_ms(guest)],
        )
        return MergedCart.of(
            _cart(fields),
            [
                ReducedLine(sku=sku, requested=requested, kept=kept)
                for sku, requested, kept in reduced
            ],
        )

    async def take_ordered_lines(
        self, subject: str, order_id: str, lines: Sequence[Line]
    ) -> TakeResponse:
        ordered = [part for line in lines for part in (line.sku, line.quantity)]
        outcome, fields = await self._valkey.run(
            "take",
            self._take,
            keys=[_cart_key(subject), f"{_cart_key(subject)}:order:{order_id}"],
            arguments=[self._cart_ttl_ms(subject), *ordered],
        )
        return TakeResponse(
            order_id=order_id, taken=outcome == "done", version=_cart(fields).version
        )

    async def check(self) -> None:
        await self._valkey.ping()

    async def _set_quantity(self, operation: str, subject: str, sku: str, quantity: int) -> Cart:
        outcome, *fields = await self._valkey.run(
            operation,
            self._set,
            keys=[_cart_key(subject)],
            arguments=(self._cart_ttl_ms(subject), sku, quantity),
        )
        if outcome == "limit":
            raise CartLimit
        return _cart(fields[0])


def _script(*names: str) -> Script:
    folder = files("services.cart.repository") / "scripts"
    parts = [(folder / f"{name}.lua").read_text() for name in ("common", *names)]
    return Script(LUA_LIMITS + "".join(parts))


def _cart_key(subject: str) -> str:
    return f"cart:{subject}"


def _idempotency_keys_key(subject: str) -> str:
    return f"{_cart_key(subject)}:adds"


def _add_result(outcome: str, fields: Sequence[str] = ()) -> AddResult:
    if outcome == "limit":
        raise CartLimit
    if outcome == "key reused":
        raise IdempotencyKeyReused
    return AddResult(_stored(fields), outcome == "replayed")


def _stored(fields: Sequence[str]) -> StoredCart:
    """``fields`` is the hash as the server sends it: name, value, name, value …"""
    if not fields:
        return StoredCart({})
    values = dict(zip(fields[::2], fields[1::2], strict=True))
    version = values.pop("version")
    updated_at = int(values.pop("updated_at"))
    return StoredCart(values, version, updated_at)


def _cart(fields: Sequence[str]) -> Cart:
    return _stored(fields).cart

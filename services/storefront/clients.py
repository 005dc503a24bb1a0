"""The four neighbours, as the pages ask them.

What can come back instead of an answer:

    app.client.UpstreamError    no usable answer: down, slow, cut off, overloaded
    SignedOut                   the caller's token is not good (any more)
    RenewedElsewhere            the session goes on, under tokens that another request was given
    Refusal                     understood, and declined: it says why
"""

from collections.abc import Sequence
from typing import Any, TypeVar, Unpack
from urllib.parse import quote

from pydantic import BaseModel

from app.client import (
    PROBLEM_PREFIX,
    CallOptions,
    Check,
    Upstream,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamResponse,
    expect,
    raise_for_problem,
)
from services.storefront.models import (
    Account,
    Address,
    Cart,
    Categories,
    Category,
    FieldProblem,
    Image,
    Lookup,
    Money,
    Order,
    OrderPage,
    ProblemBody,
    Product,
    ProductPage,
    Query,
    Tokens,
)

ModelT = TypeVar("ModelT", bound=BaseModel)

FORWARDED_FOR = "x-forwarded-for"
IMAGE_HEADERS = ("content-type", "etag", "cache-control", "last-modified")


NO_SUCH = frozenset({404, 414, 422})
"""What says that there is nothing by that name: none, none that could be one, one too long."""


class SignedOut(Exception):
    """The token shown is not good, or no longer."""


class RenewedElsewhere(Exception):
    """Another request of this browser has just exchanged the refresh token."""


class Refusal(Exception):
    """A neighbour declined: ``kind`` is the problem's slug.

    ``order_id`` is the order that is in the way of another one.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        *,
        errors: Sequence[FieldProblem] = (),
        order_id: str = "",
        retry_after: str = "",
    ) -> None:
        super().__init__(f"{status} {kind}")
        self.status = status
        self.kind = kind
        self.errors = tuple(errors)
        self.order_id = order_id
        self.retry_after = retry_after


class Products:
    """The goods."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def list(self, query: Query, *, limit: int) -> ProductPage:
        asked = {
            "category": query.category,
            "q": query.text,
            "in_stock": "true" if query.in_stock else None,
            "min_price": query.min_price,
            "max_price": query.max_price,
            "sort": query.sort,
            "cursor": query.cursor,
            "limit": limit,
        }
        params = {name: str(value) for name, value in asked.items() if value is not None}
        return await _read(self._upstream, ProductPage, "GET", "/v1/products", params=params)

    async def categories(self) -> Sequence[Category]:
        found = await _read(self._upstream, Categories, "GET", "/v1/categories")
        return found.items

    async def find(self, sku: str) -> Product:
        return await _read(self._upstream, Product, "GET", f"/v1/products/{quote(sku, safe='')}")

    async def lookup(self, skus: Sequence[str]) -> Lookup:
        """At most 100 at once."""
        return await _read(
            self._upstream,
            Lookup,
            "POST",
            "/v1/products:lookup",
            json={"skus": skus},
            idempotent=True,
        )

    async def image(self, sku: str, *, etag: str | None) -> Image:
        headers = {"if-none-match": etag} if etag else None
        path = f"/v1/products/{quote(sku, safe='')}/image.svg"
        answer = await _ask(self._upstream, "GET", path, check=_is_picture, headers=headers)
        kept = {name: answer.headers[name] for name in IMAGE_HEADERS if name in answer.headers}
        return Image(answer.status_code, answer.content, kept)


class Carts:
    """The caller's cart, guest's or user's."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def read(self, bearer: str) -> Cart:
        return await _read(self._upstream, Cart, "GET", "/v1/cart", bearer=bearer)

    async def add(self, bearer: str, sku: str, quantity: int, *, key: str) -> Cart:
        return await _read(
            self._upstream,
            Cart,
            "POST",
            "/v1/cart/items",
            bearer=bearer,
            json={"sku": sku, "quantity": quantity},
            headers={"idempotency-key": key},
        )

    async def set(self, bearer: str, sku: str, quantity: int) -> None:
        path = f"/v1/cart/items/{quote(sku, safe='')}"
        await _ask(self._upstream, "PUT", path, Cart, bearer=bearer, json={"quantity": quantity})

    async def remove(self, bearer: str, sku: str) -> None:
        path = f"/v1/cart/items/{quote(sku, safe='')}"
        await _ask(self._upstream, "DELETE", path, Cart, bearer=bearer)

    async def merge(self, bearer: str, *, guest_token: str) -> Cart:
        """Once per guest, however often it is asked for: so it may be asked for twice."""
        return await _read(
            self._upstream,
            Cart,
            "POST",
            "/v1/cart:merge",
            bearer=bearer,
            json={"guest_token": guest_token},
            idempotent=True,
        )


class Users:
    """Who somebody is."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def guest(self, *, address: str, key: str | None = None) -> Tokens:
        """Somebody new; with the same ``key``, the same guest. Guests are counted by ``address``.

        Who knows the key is that guest, so it must be hard to guess.
        """
        headers = {FORWARDED_FOR: address} | ({"idempotency-key": key} if key else {})
        return await _read(
            self._upstream, Tokens, "POST", "/v1/guests", headers=headers, as_service=True
        )

    async def register(self, *, email: str, password: str, name: str, address: str) -> None:
        """``address`` is where the shopper connects from: tries are counted by it."""
        body = {"email": email, "password": password, "name": name}
        headers = {FORWARDED_FOR: address}
        await _ask(
            self._upstream,
            "POST",
            "/v1/users",
            Account,
            json=body,
            headers=headers,
            as_service=True,
        )

    async def account(self, bearer: str) -> Account:
        return await _read(self._upstream, Account, "GET", "/v1/users/me", bearer=bearer)

    async def change(self, bearer: str, *, address: str, **changes: str) -> Account:
        """Change what is given; e-mail and password need ``current_password``."""
        return await _read(
            self._upstream,
            Account,
            "PATCH",
            "/v1/users/me",
            bearer=bearer,
            json=changes,
            headers={FORWARDED_FOR: address},
            as_service=True,
        )

    async def log_in(self, *, email: str, password: str, address: str) -> Tokens:
        """Raises `SignedOut` if the two do not belong together."""
        body = {"email": email, "password": password}
        headers = {FORWARDED_FOR: address}
        return await _read(
            self._upstream,
            Tokens,
            "POST",
            "/v1/sessions",
            logs_in=True,
            json=body,
            headers=headers,
            as_service=True,
        )

    async def refresh(self, refresh_token: str) -> Tokens:
        """Raises `SignedOut` when the session is over or never was, `RenewedElsewhere`."""
        body = {"refresh_token": refresh_token}
        try:
            return await _read(
                self._upstream, Tokens, "POST", "/v1/sessions:refresh", logs_in=True, json=body
            )
        except Refusal as refusal:
            if refusal.kind == "refresh-replaced":
                raise RenewedElsewhere from refusal
            if refusal.status == 429:
                raise UpstreamRefused("user", "it is asked too often.") from refusal
            # Not a refresh token at all: what the browser keeps is worth nothing.
            raise SignedOut from refusal

    async def log_out(self, bearer: str) -> None:
        await _ask(self._upstream, "DELETE", "/v1/sessions/current", bearer=bearer)


class Orders:
    """What was bought, and where it is."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def place(
        self, bearer: str, *, key: str, total: Money, address: Address, timeout: float
    ) -> Order:
        """The same key is the same order, however often it is sent."""
        body = {
            "expected_total": total.model_dump(),
            "address": address.model_dump(exclude_none=True),
        }
        return await _read(
            self._upstream,
            Order,
            "POST",
            "/v1/orders",
            bearer=bearer,
            json=body,
            headers={"idempotency-key": key},
            timeout=timeout,
        )

    async def list(self, bearer: str, *, cursor: str | None, limit: int) -> OrderPage:
        params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return await _read(
            self._upstream, OrderPage, "GET", "/v1/orders", bearer=bearer, params=params
        )

    async def find(self, bearer: str, order_id: str) -> Order:
        path = f"/v1/orders/{quote(order_id, safe='')}"
        return await _read(self._upstream, Order, "GET", path, bearer=bearer)

    async def cancel(self, bearer: str, order_id: str) -> None:
        path = f"/v1/orders/{quote(order_id, safe='')}:cancel"
        await _ask(self._upstream, "POST", path, Order, bearer=bearer, idempotent=True)


class _Options(CallOptions, total=False):
    json: Any


async def _read(
    upstream: Upstream,
    model: type[ModelT],
    method: str,
    path: str,
    *,
    logs_in: bool = False,
    **options: Unpack[_Options],
) -> ModelT:
    """Ask for what the model says."""
    answer = await _ask(upstream, method, path, model, logs_in=logs_in, **options)
    return answer.read(model)


async def _ask(
    upstream: Upstream,
    method: str,
    path: str,
    model: type[BaseModel] | None = None,
    *,
    logs_in: bool = False,
    check: Check | None = None,
    **options: Unpack[_Options],
) -> UpstreamResponse:
    """Ask, and raise what is no good answer. Only who shows who is calling is told `SignedOut`."""
    knows_caller = logs_in or options.get("bearer") is not None
    check = check or expect(model, knows_caller=knows_caller)
    answer = await upstream.request(method, path, check=check, **options)
    if answer.status_code < 400:
        return answer
    if answer.status_code == 401:
        raise SignedOut
    problem = _problem(answer)
    if answer.status_code == 503 and problem.upstream not in ("", upstream.name):
        raise UpstreamRefused(problem.upstream, f"{upstream.name} waits for it in vain.")
    if answer.status_code >= 500:
        raise_for_problem(answer)
    raise _refusal(answer, problem)


def _is_picture(answer: UpstreamResponse) -> None:
    expect(knows_caller=False)(answer)
    kind = answer.headers.get("content-type", "")
    if answer.status_code < 300 and not (answer.status_code == 200 and kind.startswith("image/")):
        raise UpstreamBroken(answer.upstream, "its answer is no picture.")


def _problem(answer: UpstreamResponse) -> ProblemBody:
    try:
        return answer.read(ProblemBody)
    except UpstreamBroken:
        return ProblemBody()  # a 429 or 503 may come from whoever stands in front of it


def _refusal(answer: UpstreamResponse, problem: ProblemBody) -> Refusal:
    return Refusal(
        answer.status_code,
        problem.type.removeprefix(PROBLEM_PREFIX),
        errors=problem.errors,
        order_id=problem.order_id,
        retry_after=answer.headers.get("retry-after", ""),
    )

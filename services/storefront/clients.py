"""The four upstreams, as the pages call them.

A call raises, instead of a result:

    app.client.UpstreamError    no usable response: down, slow, cut off, overloaded
    SignedOut                   the caller's token is not good (any more)
    RefreshedElsewhere          the session goes on, with tokens that another request was given
    RequestDeclined             the request was understood, and the problem says why it failed
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
    ProductQuery,
    Tokens,
)

ModelT = TypeVar("ModelT", bound=BaseModel)

FORWARDED_FOR = "x-forwarded-for"
IMAGE_HEADERS = ("content-type", "etag", "cache-control", "last-modified")


class SignedOut(Exception):
    """The access token is not good, or no longer."""


class RefreshedElsewhere(Exception):
    """Another request of this browser has just exchanged the refresh token."""


class RequestDeclined(Exception):
    """An upstream declined a request; ``kind`` is the slug of its problem type.

    ``order_id`` is an order that stands in the way of a new one.
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

    @property
    def is_not_found(self) -> bool:
        """For an unknown name, one that is too long for a path, and one that cannot be a name."""
        return self.status in (404, 414, 422)

    @property
    def is_invalid(self) -> bool:
        """The upstream does not accept a value; ``errors`` says which."""
        return self.status == 422


class Products:
    """The products, and their categories."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def list(self, query: ProductQuery, *, limit: int) -> ProductPage:
        parameters = {
            "category": query.category,
            "q": query.text,
            "in_stock": "true" if query.in_stock else None,
            "min_price": query.min_price,
            "max_price": query.max_price,
            "sort": query.sort,
            "cursor": query.cursor,
            "limit": limit,
        }
        params = {name: str(value) for name, value in parameters.items() if value is not None}
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
        response = await _send(self._upstream, "GET", path, check=_check_image, headers=headers)
        kept = {name: response.headers[name] for name in IMAGE_HEADERS if name in response.headers}
        return Image(response.status_code, response.content, kept)


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

    async def set_quantity(self, bearer: str, sku: str, quantity: int) -> None:
        path = f"/v1/cart/items/{quote(sku, safe='')}"
        await _send(self._upstream, "PUT", path, Cart, bearer=bearer, json={"quantity": quantity})

    async def remove(self, bearer: str, sku: str) -> None:
        path = f"/v1/cart/items/{quote(sku, safe='')}"
        await _send(self._upstream, "DELETE", path, Cart, bearer=bearer)

    async def merge(self, bearer: str, *, guest_token: str) -> Cart:
        """A guest's cart is merged once, however often this is sent, so it is idempotent."""
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
    """Accounts, guests and their sessions.

    ``client_address`` is where the shopper connects from: guests and attempts are counted by it.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def create_guest(self, *, client_address: str, key: str | None = None) -> Tokens:
        """The same ``key`` is the same guest, so it must be hard to guess."""
        headers = {FORWARDED_FOR: client_address} | ({"idempotency-key": key} if key else {})
        return await _read(
            self._upstream, Tokens, "POST", "/v1/guests", headers=headers, as_service=True
        )

    async def register(self, *, email: str, password: str, name: str, client_address: str) -> None:
        body = {"email": email, "password": password, "name": name}
        headers = {FORWARDED_FOR: client_address}
        await _send(
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

    async def change(self, bearer: str, *, client_address: str, **changes: str) -> Account:
        """Change what is given; e-mail and password need ``current_password``."""
        return await _read(
            self._upstream,
            Account,
            "PATCH",
            "/v1/users/me",
            bearer=bearer,
            json=changes,
            headers={FORWARDED_FOR: client_address},
            as_service=True,
        )

    async def log_in(self, *, email: str, password: str, client_address: str) -> Tokens:
        """Raises `SignedOut` if e-mail and password do not belong together."""
        body = {"email": email, "password": password}
        headers = {FORWARDED_FOR: client_address}
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
        """Raises `SignedOut` when the session is over or never was, `RefreshedElsewhere`."""
        body = {"refresh_token": refresh_token}
        try:
            return await _read(
                self._upstream, Tokens, "POST", "/v1/sessions:refresh", logs_in=True, json=body
            )
        except RequestDeclined as declined:
            if declined.kind == "refresh-replaced":
                raise RefreshedElsewhere from declined
            if declined.status == 429:
                raise UpstreamRefused("user", "it is called too often.") from declined
            # Not a refresh token at all: the browser's cookie is worth nothing.
            raise SignedOut from declined

    async def log_out(self, bearer: str) -> None:
        await _send(self._upstream, "DELETE", "/v1/sessions/current", bearer=bearer)


class Orders:
    """Orders, and their shipments."""

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
        await _send(self._upstream, "POST", path, Order, bearer=bearer, idempotent=True)


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
    """Send a request, and read the model from its response."""
    response = await _send(upstream, method, path, model, logs_in=logs_in, **options)
    return response.read(model)


async def _send(
    upstream: Upstream,
    method: str,
    path: str,
    model: type[BaseModel] | None = None,
    *,
    logs_in: bool = False,
    check: Check | None = None,
    **options: Unpack[_Options],
) -> UpstreamResponse:
    """Send a request, and raise for every response that is not a success.

    `SignedOut` is raised only where the request has a token, or asks for one: ``logs_in``.
    """
    allow_401 = logs_in or options.get("bearer") is not None
    check = check or expect(model, allow_401=allow_401)
    response = await upstream.request(method, path, check=check, **options)
    if response.status_code < 400:
        return response
    if response.status_code == 401:
        raise SignedOut
    problem = _problem(response)
    if response.status_code == 503 and problem.upstream not in ("", upstream.name):
        raise UpstreamRefused(problem.upstream, f"{upstream.name} got no response from it.")
    if response.status_code >= 500:
        raise_for_problem(response)
    raise _declined(response, problem)


def _check_image(response: UpstreamResponse) -> None:
    expect(allow_401=False)(response)
    if response.status_code >= 300:
        return
    media_type = response.headers.get("content-type", "")
    if response.status_code != 200 or not media_type.startswith("image/"):
        raise UpstreamBroken(response.upstream, "its response is not an image.")


def _problem(response: UpstreamResponse) -> ProblemBody:
    try:
        return response.read(ProblemBody)
    except UpstreamBroken:
        return ProblemBody()  # a proxy in front of the upstream sends a 429 or 503 of its own


def _declined(response: UpstreamResponse, problem: ProblemBody) -> RequestDeclined:
    return RequestDeclined(
        response.status_code,
        problem.type.removeprefix(PROBLEM_PREFIX),
        errors=problem.errors,
        order_id=problem.order_id,
        retry_after=response.headers.get("retry-after", ""),
    )

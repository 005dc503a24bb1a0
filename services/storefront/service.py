"""What a page is made of, asked of the neighbours in parallel and within one deadline.

A part that does not come is an `Outage` in its place: a visible, logged and counted policy. A
page only fails as a whole where the shopper asked for something to be done.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

from app.client import UpstreamError
from app.telemetry.context import Deadline, current_context, use_context
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics
from services.storefront.clients import NO_SUCH, Carts, Orders, Products, Refusal, Users
from services.storefront.models import (
    Address,
    Cart,
    Category,
    Lookup,
    Order,
    Product,
    ProductPage,
    Query,
)

HOME_GOODS = 8
SHELF_GOODS = 24
BESIDE_GOODS = 5
FEW_GOODS = 4
ORDERS_A_PAGE = 20
MAX_GOODS = 100
"""How many products can be asked about at once."""
COUNT_TIMEOUT = 0.8
"""Seconds the number in the header may keep a page waiting."""

T = TypeVar("T")
Neighbour = Literal["products", "cart", "user", "tracking"]
NEIGHBOURS: Sequence[Neighbour] = get_args(Neighbour)


@dataclass(frozen=True, slots=True)
class Outage:
    """A part of a page that did not come."""

    neighbour: Neighbour


@dataclass(frozen=True, slots=True)
class Home:
    categories: Sequence[Category] | Outage
    products: ProductPage | Outage


@dataclass(frozen=True, slots=True)
class Listing:
    """``instead`` are goods to show where there is nothing to list."""

    categories: Sequence[Category] | Outage
    products: ProductPage | Outage
    instead: Sequence[Product] = ()


@dataclass(frozen=True, slots=True)
class ProductDetail:
    product: Product
    category: Category | None
    beside: Sequence[Product]


@dataclass(frozen=True, slots=True)
class Basket:
    """A cart with what products knows of its goods."""

    cart: Cart
    goods: Lookup | Outage

    @property
    def known(self) -> Mapping[str, Product]:
        return {} if isinstance(self.goods, Outage) else self.goods.by_sku


def missing_neighbour(error: Exception, *, asked: Neighbour) -> Neighbour:
    """Who does not answer: the one that was asked, unless it says whom it is waiting for."""
    named = getattr(error, "upstream", asked)
    return next((one for one in NEIGHBOURS if one == named), asked)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line of an order that could not be put in the cart again, or not all of it."""

    name: str
    reason: str


class Storefront:
    """Reads what pages show. ``browse_timeout`` is the seconds one page may take in all."""

    def __init__(
        self,
        *,
        products: Products,
        carts: Carts,
        users: Users,
        orders: Orders,
        metrics: Metrics,
        browse_timeout: float,
    ) -> None:
        self.products = products
        self.carts = carts
        self.users = users
        self.orders = orders
        self._browse_timeout = browse_timeout
        self._missing = metrics.counter(
            "storefront_page_parts_missing_total",
            "How often did a page go out without a part, because a neighbour did not answer?",
            {"upstream": NEIGHBOURS},
        )

    async def attempt(
        self, neighbour: Neighbour, work: Awaitable[T], *, within: Deadline | None = None
    ) -> T | Outage:
        """Wait for a part of a page; an `Outage` takes its place if it does not come.

        For parts where no refusal is part of the conversation. Raises `SignedOut`.
        """
        deadline = within or Deadline.after(self._browse_timeout)
        try:
            with use_context(replace(current_context(), deadline=deadline)):
                async with asyncio.timeout(deadline.remaining()):
                    return await work
        except (UpstreamError, Refusal, TimeoutError) as error:
            missing = missing_neighbour(error, asked=neighbour)
            get_logger().warning("page_part_missing", upstream=missing, reason=str(error))
            self._missing.labels(missing).inc()
            return Outage(missing)

    async def home(self) -> Home:
        categories, products = await asyncio.gather(
            self.attempt("products", self.products.categories()),
            self.attempt("products", self.products.list(Query(sort="newest"), limit=HOME_GOODS)),
        )
        return Home(categories, products)

    async def listing(self, query: Query) -> Listing:
        """Raises `Refusal` 422 for a query that products does not understand."""

        async def goods() -> ProductPage | Refusal:
            try:
                return await self.products.list(query, limit=SHELF_GOODS)
            except Refusal as refusal:
                return refusal

        categories, products = await asyncio.gather(
            self.attempt("products", self.products.categories()),
            self.attempt("products", goods()),
        )
        if isinstance(products, Refusal):
            raise products
        if isinstance(products, Outage) or products.items:
            return Listing(categories, products)
        newest = self.products.list(Query(sort="newest"), limit=FEW_GOODS)
        instead = await self.attempt("products", newest)
        return Listing(categories, products, () if isinstance(instead, Outage) else instead.items)

    async def like(self, sku: str) -> Sequence[Product]:
        """Goods for somebody who looked for one that is not there: by the words in its number."""
        words = [word for word in sku.split("-") if word.isalpha()]
        deadline = Deadline.after(self._browse_timeout)
        for query in (*(Query(text=word.lower()) for word in words[::-1]), Query(sort="newest")):
            goods = self.products.list(query, limit=FEW_GOODS)
            found = await self.attempt("products", goods, within=deadline)
            if isinstance(found, Outage):
                return ()
            if found.items:
                return found.items
        return ()

    async def product(self, sku: str) -> ProductDetail | Outage | None:
        """None: there is no such product."""
        deadline = Deadline.after(self._browse_timeout)

        async def find() -> Product | None:
            try:
                return await self.products.find(sku)
            except Refusal as refusal:
                if refusal.status in NO_SUCH:
                    return None
                raise

        product = await self.attempt("products", find(), within=deadline)
        if product is None or isinstance(product, Outage):
            return product
        on_the_shelf = Query(category=product.category)
        categories, beside = await asyncio.gather(
            self.attempt("products", self.products.categories(), within=deadline),
            self.attempt(
                "products", self.products.list(on_the_shelf, limit=BESIDE_GOODS), within=deadline
            ),
        )
        known = () if isinstance(categories, Outage) else categories
        shelf = next((one for one in known if one.slug == product.category), None)
        others = () if isinstance(beside, Outage) else beside.items
        return ProductDetail(product, shelf, [one for one in others if one.sku != sku][:4])

    def _soon(self) -> Deadline:
        """For a part that is not worth waiting for."""
        return Deadline.after(min(COUNT_TIMEOUT, self._browse_timeout))

    async def goods(self, skus: Sequence[str]) -> Lookup | Outage:
        """What products says about these, if it says so quickly."""
        within = self._soon()
        return await self.attempt("products", self.products.lookup(skus), within=within)

    async def basket(self, bearer: str | None, *, also: Sequence[str] = ()) -> Basket | Outage:
        """The caller's cart; without a caller an empty one. Raises `SignedOut`.

        ``also`` names products to know about although they are not in the cart.
        """
        if bearer is None:
            return Basket(Cart(), Lookup(items=[]))
        deadline = Deadline.after(self._browse_timeout)
        cart = await self.attempt("cart", self.carts.read(bearer), within=deadline)
        if isinstance(cart, Outage):
            return cart
        skus = list(dict.fromkeys([*(line.sku for line in cart.lines), *also]))[:MAX_GOODS]
        if not skus:
            return Basket(cart, Lookup(items=[]))
        goods = await self.attempt("products", self.products.lookup(skus), within=deadline)
        return Basket(cart, goods)

    async def last_address(self, bearer: str | None) -> Address | None:
        """Where the caller's last order went, if that can be told quickly. Raises `SignedOut`."""
        if bearer is None:
            return None
        within = self._soon()
        orders = self.orders.list(bearer, cursor=None, limit=1)
        found = await self.attempt("tracking", orders, within=within)
        return None if isinstance(found, Outage) or not found.items else found.items[0].address

    async def order_again(self, bearer: str, order: Order, *, key: str) -> Sequence[LeftOut]:
        """Put the lines of an order in the cart, as far as they can be had.

        The same ``key`` adds once. Returns what was left out. Raises `SignedOut`,
        `UpstreamError`.
        """
        skus = [line.sku for line in order.lines]
        goods = await self.attempt("products", self.products.lookup(skus))
        # Without an answer the cart page tells what is gone.
        known = None if isinstance(goods, Outage) else goods.by_sku
        left_out = []
        for line in order.lines:
            product = known.get(line.sku) if known is not None else None
            there = line.quantity if known is None else product.available if product else 0
            quantity = min(line.quantity, there)
            if quantity < line.quantity:
                left_out.append(LeftOut(line.name, _why_left_out(product, line.quantity)))
            if quantity <= 0:
                continue
            try:
                line_key = hashlib.sha256(f"{key} {line.sku}".encode()).hexdigest()
                await self.carts.add(bearer, line.sku, quantity, key=line_key)
            except Refusal as refusal:
                why = "a cart holds no more" if refusal.kind == "cart-limit" else "no longer sold"
                left_out.append(LeftOut(line.name, why))
        return left_out

    async def cart_count(self, bearer: str) -> int | None:
        """How many things are in the cart; None when that cannot be told quickly."""
        within = self._soon()
        cart = await self.attempt("cart", self.carts.read(bearer), within=within)
        return None if isinstance(cart, Outage) else cart.count


def _why_left_out(product: Product | None, wanted: int) -> str:
    if product is None:
        return "no longer sold"
    if product.available <= 0:
        return "gone, back soon"
    return f"only {product.available} of {wanted} left, and those are in the cart"

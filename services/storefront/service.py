"""Reads what each page needs from the upstreams, in parallel and within one deadline."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.telemetry.context import Deadline
from app.telemetry.metrics import Metrics
from services.storefront.clients import (
    Carts,
    Orders,
    Products,
    RequestDeclined,
    Users,
)
from services.storefront.models import (
    MAX_LINES,
    Account,
    Address,
    Cart,
    CartLine,
    Category,
    Lookup,
    Money,
    Order,
    OrderPage,
    Product,
    ProductPage,
    ProductQuery,
)
from services.storefront.page_parts import MissingPart, PageParts

HOME_PRODUCTS = 8
LISTED_PRODUCTS = 24
SIMILAR_PRODUCTS = 4
SUGGESTED_PRODUCTS = 4
LISTED_ORDERS = 20


@dataclass(frozen=True, slots=True)
class Home:
    categories: Sequence[Category] | MissingPart
    products: ProductPage | MissingPart


@dataclass(frozen=True, slots=True)
class Listing:
    """``suggestions`` are products to show where there is nothing to list."""

    categories: Sequence[Category] | MissingPart
    products: ProductPage | MissingPart
    suggestions: Sequence[Product] = ()


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """``similar`` are others of its category."""

    product: Product
    category: Category | None
    similar: Sequence[Product]


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart with what the products service knows of its products."""

    cart: Cart
    lookup: Lookup | MissingPart

    @property
    def lines(self) -> Sequence[CartLine]:
        return self.cart.lines

    @property
    def count(self) -> int:
        return self.cart.count

    @property
    def products(self) -> Mapping[str, Product]:
        return known_products(self.lookup)

    @property
    def total(self) -> Money | None:
        """The sum of what is still sold, by the price rule of tracking; None if nothing is."""
        known = self.products
        sold = [line for line in self.lines if line.sku in known]
        if not sold:
            return None
        amount = sum(known[line.sku].price.amount * line.quantity for line in sold)
        return Money(amount=amount, currency=known[sold[0].sku].price.currency)

    @property
    def short_stock(self) -> Mapping[str, int]:
        """How much is left of each product of which there is less than the cart holds."""
        if isinstance(self.lookup, MissingPart):
            return {}
        known = self.products
        left = {
            line.sku: known[line.sku].available if line.sku in known else 0 for line in self.lines
        }
        return {line.sku: left[line.sku] for line in self.lines if left[line.sku] < line.quantity}


def known_products(lookup: Lookup | MissingPart) -> Mapping[str, Product]:
    return {} if isinstance(lookup, MissingPart) else lookup.by_sku


class Storefront:
    """Reads what pages show, and changes carts.

    ``browse_timeout`` is the seconds that one page may take in all. Every method that takes a
    bearer raises `SignedOut` if the token is not good.
    """

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
        self._parts = PageParts(metrics=metrics, timeout=browse_timeout)

    async def home(self) -> Home:
        newest = self.products.list(ProductQuery(sort="newest"), limit=HOME_PRODUCTS)
        categories, products = await asyncio.gather(
            self._categories(), self._parts.read("products", newest)
        )
        return Home(categories, products)

    async def listing(self, query: ProductQuery) -> Listing:
        """Raises `RequestDeclined` for a query that the products service does not accept."""

        async def list_products() -> ProductPage | RequestDeclined:
            # Returned, not raised: a declined query must not read as a missing part.
            try:
                return await self.products.list(query, limit=LISTED_PRODUCTS)
            except RequestDeclined as declined:
                return declined

        categories, products = await asyncio.gather(
            self._categories(), self._parts.read("products", list_products())
        )
        if isinstance(products, RequestDeclined):
            raise products
        if isinstance(products, MissingPart) or products.items:
            return Listing(categories, products)
        newest = self.products.list(ProductQuery(sort="newest"), limit=SUGGESTED_PRODUCTS)
        found = await self._parts.read("products", newest)
        return Listing(categories, products, () if isinstance(found, MissingPart) else found.items)

    async def suggestions(self, sku: str) -> Sequence[Product]:
        """Products to show instead of one that is not there: by the words in its SKU."""
        words = [word.lower() for word in sku.split("-") if word.isalpha()]
        queries = [ProductQuery(text=word) for word in reversed(words)]
        deadline = self._parts.deadline()
        for query in (*queries, ProductQuery(sort="newest")):
            products = self.products.list(query, limit=SUGGESTED_PRODUCTS)
            found = await self._parts.read("products", products, within=deadline)
            if isinstance(found, MissingPart):
                return ()
            if found.items:
                return found.items
        return ()

    async def product(self, sku: str) -> ProductDetail | MissingPart | None:
        """None: there is no such product."""
        deadline = self._parts.deadline()
        product = await self._parts.read("products", self._find_product(sku), within=deadline)
        if product is None or isinstance(product, MissingPart):
            return product
        # One more than is shown: the product itself is in its category.
        same_category = self.products.list(
            ProductQuery(category=product.category), limit=SIMILAR_PRODUCTS + 1
        )
        categories, page = await asyncio.gather(
            self._categories(within=deadline),
            self._parts.read("products", same_category, within=deadline),
        )
        known = () if isinstance(categories, MissingPart) else categories
        category = next((one for one in known if one.slug == product.category), None)
        others = () if isinstance(page, MissingPart) else page.items
        similar = [one for one in others if one.sku != sku][:SIMILAR_PRODUCTS]
        return ProductDetail(product, category, similar)

    async def lookup(self, skus: Sequence[str], *, quick: bool = False) -> Lookup | MissingPart:
        """The products of these SKUs; ``quick`` for a page that can do without."""
        within = self._parts.quick_deadline() if quick else self._parts.deadline()
        return await self._lookup(skus, within=within)

    async def cart(
        self, bearer: str | None, *, also: Sequence[str] = ()
    ) -> PricedCart | MissingPart:
        """The caller's cart; without a caller an empty one.

        ``also`` names products to know about although they are not in the cart.
        """
        if bearer is None:
            return PricedCart(Cart(), Lookup(items=[]))
        deadline = self._parts.deadline()
        cart = await self._parts.read("cart", self.carts.read(bearer), within=deadline)
        if isinstance(cart, MissingPart):
            return cart
        skus = list(dict.fromkeys([*(line.sku for line in cart.lines), *also]))[:MAX_LINES]
        return PricedCart(cart, await self._lookup(skus, within=deadline))

    async def set_quantity(self, bearer: str, sku: str, quantity: int) -> None:
        """Zero removes the line. Raises `RequestDeclined` and `UpstreamError`."""
        if quantity == 0:
            await self.carts.remove(bearer, sku)
        else:
            await self.carts.set_quantity(bearer, sku, quantity)

    async def cart_count(self, bearer: str) -> int | None:
        """How many things are in the cart; None when that cannot be read quickly."""
        within = self._parts.quick_deadline()
        cart = await self._parts.read("cart", self.carts.read(bearer), within=within)
        return None if isinstance(cart, MissingPart) else cart.count

    async def account(self, bearer: str) -> Account | MissingPart:
        return await self._parts.read("user", self.users.account(bearer))

    async def order(self, bearer: str, order_id: str) -> Order | MissingPart | None:
        """None: the caller has no such order."""
        return await self._parts.read("tracking", self._find_order(bearer, order_id))

    async def order_page(
        self, bearer: str, *, cursor: str | None
    ) -> OrderPage | MissingPart | None:
        """None: the cursor is not one that the list gave out."""

        async def list_orders() -> OrderPage | None:
            try:
                return await self.orders.list(bearer, cursor=cursor, limit=LISTED_ORDERS)
            except RequestDeclined as declined:
                if not declined.is_invalid:
                    raise
                return None

        return await self._parts.read("tracking", list_orders())

    async def last_address(self, bearer: str | None) -> Address | None:
        """Where the caller's last order went; None if that cannot be read quickly."""
        if bearer is None:
            return None
        within = self._parts.quick_deadline()
        orders = self.orders.list(bearer, cursor=None, limit=1)
        found = await self._parts.read("tracking", orders, within=within)
        return None if isinstance(found, MissingPart) or not found.items else found.items[0].address

    async def _lookup(self, skus: Sequence[str], *, within: Deadline) -> Lookup | MissingPart:
        if not skus:
            return Lookup(items=[])
        return await self._parts.read("products", self.products.lookup(skus), within=within)

    async def _categories(
        self, *, within: Deadline | None = None
    ) -> Sequence[Category] | MissingPart:
        return await self._parts.read("products", self.products.categories(), within=within)

    async def _find_product(self, sku: str) -> Product | None:
        try:
            return await self.products.find(sku)
        except RequestDeclined as declined:
            if declined.is_not_found:
                return None
            raise

    async def _find_order(self, bearer: str, order_id: str) -> Order | None:
        try:
            return await self.orders.find(bearer, order_id)
        except RequestDeclined as declined:
            if declined.is_not_found:
                return None
            raise

"""The operations on carts."""

from app.errors import BadRequest, NotFound
from app.telemetry.metrics import Metrics
from services.cart.clients import ProductsClient
from services.cart.models import (
    AddResult,
    Cart,
    Line,
    MergedCart,
    StoredCart,
    TakeRequest,
    TakeResponse,
)
from services.cart.repository import CartRepository


class UnknownProduct(NotFound):
    """The products service has no product with this SKU."""

    type = "unknown-product"
    title = "There is no such product"


class SameCart(BadRequest):
    """A cart cannot be merged into itself."""

    type = "same-cart"
    title = "Both carts are the same"


class CartService:
    """Every method raises `StoreUnavailable` when the store does not answer in time."""

    def __init__(self, carts: CartRepository, products: ProductsClient, metrics: Metrics) -> None:
        self._carts = carts
        self._products = products
        self._items_added = metrics.counter(
            "cart_items_added_total", "How many pieces do shoppers put into their carts?"
        )
        self._merged = metrics.counter(
            "cart_merges_total", "How many shoppers log in with something in their cart?"
        )
        self._taken = metrics.counter(
            "cart_takes_total", "How many carts has checkout taken an order's lines from?"
        )

    async def read(self, subject: str) -> StoredCart:
        return await self._carts.read(subject)

    async def add_item(self, subject: str, line: Line, *, key: str | None = None) -> AddResult:
        """Add pieces of a product to the cart, only once per ``key`` if there is one.

        A repeated add is recognised before the products service is asked, so its outcome cannot
        change. If the product is known, no such request is made, and the store recognises the
        key while it adds.

        Raises `UnknownProduct`, `CartLimit`, `IdempotencyKeyReused`, and `UpstreamError` when
        it cannot be found out whether the product exists.
        """
        if not self._products.remembers(line.sku):
            if key is not None:
                earlier = await self._carts.find_add(subject, line, key=key)
                if earlier is not None:
                    return earlier
            await self._require_product(line.sku)
        added = await self._carts.add(subject, line, key=key)
        if not added.replayed:
            self._items_added.inc(line.quantity)
        return added

    async def set_quantity(self, subject: str, line: Line) -> Cart:
        """Set the quantity of a line. Raises `UnknownProduct`, `CartLimit`, `UpstreamError`."""
        await self._require_product(line.sku)
        return await self._carts.set(subject, line)

    async def remove_item(self, subject: str, sku: str) -> Cart:
        return await self._carts.remove(subject, sku)

    async def clear(self, subject: str) -> Cart:
        return await self._carts.clear(subject)

    async def merge(self, subject: str, *, guest: str) -> MergedCart:
        """Move the lines of a guest's cart into the subject's. A repeated merge adds nothing.

        Raises `SameCart`.
        """
        if subject == guest:
            raise SameCart("The guest's cart is the cart it should be merged into.")
        merged = await self._carts.merge(subject, guest=guest)
        self._merged.inc()
        return merged

    async def take_ordered_lines(self, request: TakeRequest) -> TakeResponse:
        """Take the lines of an order out of the cart, once per order.

        Pieces that were added since the order stay.
        """
        taken = await self._carts.take_ordered_lines(
            request.subject, request.order_id, request.lines
        )
        if taken.taken and request.lines:
            self._taken.inc()
        return taken

    async def _require_product(self, sku: str) -> None:
        if not await self._products.exists(sku):
            raise UnknownProduct(f"There is no product {sku}.")

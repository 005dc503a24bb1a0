"""What the shop decides about its goods and its stock."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from prometheus_client import Counter

from app.errors import FieldError, NotFound, Problem, UnprocessablePayload
from services.products.cache import TimedCache
from services.products.models import (
    Category,
    Line,
    LookupAnswer,
    Product,
    ProductDetails,
    Reservation,
    Sort,
)
from services.products.pictures import draw
from services.products.repository import (
    CatalogueRepository,
    Listing,
    NewProduct,
    OutOfStock,
    Place,
    ReservationClosed,
    ReservationMismatch,
    ReservationRepository,
    Stored,
)
from services.products.search import Vocabulary

FRESH_SECONDS = 2.0
"""How long an answer about goods may be out of date."""
VOCABULARY_SECONDS = 60.0
"""How long new words may be unknown to the search for misspelt ones."""

ANY = "*"
"""Expecting this fingerprint expects only that there is something."""

Clock = Callable[[], datetime]

Outcome = Literal[
    "reserved",
    "committed",
    "released",
    "expired",
    "repeated",
    "out_of_stock",
    "mismatch",
    "closed",
]
"""What becomes of an attempt to reserve stock, as the metric tells it."""

_REFUSED: Mapping[type[Problem], Outcome] = {
    OutOfStock: "out_of_stock",
    ReservationMismatch: "mismatch",
    ReservationClosed: "closed",
}


class UnknownProduct(NotFound):
    """Nobody sells that."""

    type = "unknown-product"
    title = "Unknown product"


class ProductChanged(Problem):
    """412: the product is no longer what the caller thinks it is."""

    status = 412
    type = "product-changed"
    title = "Product has changed"


@dataclass(frozen=True)
class Shelf:
    """A part of a list of ``total`` products, and the places of the parts beside it.

    ``searched_for`` are the words that were looked for in the place of misspelt ones.
    """

    products: list[Product]
    total: int
    previous: Place | None
    following: Place | None
    searched_for: str | None = None


class Catalogue:
    """The goods: shown to everybody, kept by the staff, in one currency."""

    def __init__(self, repository: CatalogueRepository, *, currency: str, clock: Clock) -> None:
        self._repository = repository
        self._currency = currency
        self._clock = clock
        self._products = TimedCache[str, Product](seconds=FRESH_SECONDS, capacity=512)
        self._shelves = TimedCache[object, Shelf](seconds=FRESH_SECONDS, capacity=256)
        self._vocabulary = TimedCache[str, Vocabulary](seconds=VOCABULARY_SECONDS, capacity=1)
        self._categories = TimedCache[str, list[Category]](seconds=FRESH_SECONDS, capacity=1)

    async def categories(self) -> list[Category]:
        """All categories, in the order the shop shows them."""
        return await self._categories.get("all", self._repository.categories)

    async def find(self, sku: str) -> Product:
        """The product, at most two seconds old. Raises `UnknownProduct`."""

        async def load() -> Product:
            return (await self._find_now(sku)).product

        return await self._products.get(sku, load)

    async def list_products(self, listing: Listing, *, limit: int, place: Place | None) -> Shelf:
        """At most ``limit`` products next to ``place``, at most two seconds old.

        Words that are nowhere in the list are looked for with one letter wrong.
        """

        async def load() -> Shelf:
            shelf = await self._shelf(listing, limit=limit, place=place)
            if shelf.total or not listing.words:
                return shelf
            vocabulary = await self._vocabulary.get("all", self._read_vocabulary)
            words = vocabulary.corrected(listing.words)
            if words is None:
                return shelf
            corrected = replace(listing, words=words)
            shelf = await self._shelf(corrected, limit=limit, place=place)
            spelt = " ".join(word.written for word in words)
            return replace(shelf, searched_for=spelt if shelf.total else None)

        return await self._shelves.get((listing, limit, place), load)

    async def _shelf(self, listing: Listing, *, limit: int, place: Place | None) -> Shelf:
        total = await self._repository.count(listing)
        if not total:
            return Shelf([], 0, None, None)
        # One more than asked for tells whether the list goes on that way.
        found = await self._repository.page(listing, limit=limit + 1, place=place)
        more = len(found) > limit
        backwards = place is not None and place.backwards
        page = found[-limit:] if backwards else found[:limit]
        if not page:
            return Shelf([], total, None, None)
        before = more if backwards else place is not None
        behind = place is not None if backwards else more
        return Shelf(
            [stored.product for stored in page],
            total,
            _place(page[0], listing.sort, backwards=True) if before else None,
            _place(page[-1], listing.sort, backwards=False) if behind else None,
        )

    async def _read_vocabulary(self) -> Vocabulary:
        return Vocabulary(await self._repository.terms())

    async def lookup(self, skus: Sequence[str]) -> LookupAnswer:
        """What these cost and how many there are at this moment; never from memory."""
        wanted = list(dict.fromkeys(skus))
        found = await self._repository.find_many(wanted)
        return LookupAnswer(
            items=[found[sku] for sku in wanted if sku in found],
            missing=[sku for sku in wanted if sku not in found],
        )

    async def picture(self, sku: str) -> str:
        """The product's picture as SVG. Raises `UnknownProduct`."""
        product = await self.find(sku)
        return draw(sku=sku, title=product.name, category=product.category)

    async def put(
        self, sku: str, details: ProductDetails, *, expected: Collection[str] | None
    ) -> tuple[Product, bool]:
        """Add or change a product. Returns it, and whether it is new.

        ``expected`` holds the fingerprints it may have now; None: any, or not be there yet.
        Raises `ProductChanged`, `UnprocessablePayload`.
        """
        await self._check(details)
        stored = await self._repository.find(sku)
        if stored is None and expected is None:
            new = NewProduct(sku, details, available=0, added_at=self._clock())
            if (added := await self._repository.add(new)) is not None:
                self.forget([sku])
                return added, True
        version = _expected_version(stored, expected)
        changed = await self._repository.change(sku, details, version=version)
        return self._changed(sku, changed), False

    async def set_stock(
        self, sku: str, available: int, *, expected: Collection[str] | None
    ) -> Product:
        """Say how many can be sold from now on. Raises `UnknownProduct`, `ProductChanged`."""
        stored = await self._find_now(sku)
        version = _expected_version(stored, expected)
        changed = await self._repository.set_stock(sku, available, version=version)
        return self._changed(sku, changed)

    def forget(self, skus: Collection[str]) -> None:
        """These have changed: do not answer from memory."""
        for sku in skus:
            self._products.forget(sku)
        self._shelves.clear()
        self._categories.clear()

    async def _find_now(self, sku: str) -> Stored:
        stored = await self._repository.find(sku)
        if stored is None:
            raise UnknownProduct("There is no such product.")
        return stored

    async def _check(self, details: ProductDetails) -> None:
        errors: list[FieldError] = []
        if details.price.currency != self._currency:
            message = f"the shop's currency is {self._currency}"
            errors.append({"pointer": "/price/currency", "message": message})
        if not await self._repository.has_category(details.category):
            errors.append({"pointer": "/category", "message": "there is no such category"})
        if errors:
            raise UnprocessablePayload(errors=errors)

    def _changed(self, sku: str, changed: Product | None) -> Product:
        if changed is None:
            raise ProductChanged("Somebody else has changed this product meanwhile.")
        self.forget([sku])
        return changed


class Stock:
    """Sets stock aside for orders, counts how that went, and takes back what nobody claims."""

    def __init__(
        self,
        repository: ReservationRepository,
        *,
        lifetime: timedelta,
        moved: Callable[[Collection[str]], None],
        outcomes: Counter,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._lifetime = lifetime
        self._moved = moved
        self._outcomes = outcomes
        self._clock = clock

    async def reserve(self, order_id: str, lines: Sequence[Line]) -> tuple[Reservation, bool]:
        """Take all lines from stock, or none. Returns the reservation and whether it is new.

        Raises `OutOfStock`, `ReservationMismatch`, `ReservationClosed`.
        """
        expires_at = self._clock() + self._lifetime
        try:
            reservation, is_new = await self._repository.reserve(
                order_id, lines, expires_at=expires_at
            )
        except (OutOfStock, ReservationMismatch, ReservationClosed) as refusal:
            self._count(_REFUSED[type(refusal)])
            raise
        self._settled("reserved" if is_new else "repeated", reservation, changed=is_new)
        return reservation, is_new

    async def commit(self, order_id: str) -> Reservation:
        """The order is paid: what it reserved is sold.

        Raises `UnknownReservation`, `ReservationClosed`.
        """
        reservation, changed = await self._repository.commit(order_id)
        self._settled("committed" if changed else "repeated", reservation, changed=False)
        return reservation

    async def release(self, order_id: str) -> Reservation:
        """The order is off: what it reserved or bought can be sold again."""
        reservation, changed = await self._repository.release(order_id, now=self._clock())
        self._settled("released" if changed else "repeated", reservation, changed=changed)
        return reservation

    async def expire(self) -> int:
        """Take back what was reserved too long ago. Returns how many orders lost it."""
        expired = await self._repository.expire(now=self._clock())
        for reservation in expired:
            self._settled("expired", reservation, changed=True)
        return len(expired)

    def _settled(self, outcome: Outcome, reservation: Reservation, *, changed: bool) -> None:
        self._count(outcome)
        if changed:
            self._moved([line.sku for line in reservation.lines])

    def _count(self, outcome: Outcome) -> None:
        self._outcomes.labels(outcome).inc()


def _place(stored: Stored, sort: Sort, *, backwards: bool) -> Place:
    return Place(stored.sort_values[sort], stored.product.sku, backwards)


def _expected_version(stored: Stored | None, expected: Collection[str] | None) -> int | None:
    """The version a change must find, None for any. Raises `ProductChanged`."""
    if expected is None:
        return None
    if stored is None or not {ANY, stored.product.fingerprint()} & set(expected):
        raise ProductChanged("The product is not the one you have seen.")
    return stored.version

"""Shows the catalogue, and lets the staff change it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from app.cache import Cache
from app.errors import FieldError, NotFound, PreconditionFailed, UnprocessablePayload
from app.stores.clock import Clock, moment
from services.products.models import (
    Category,
    LookupResponse,
    Product,
    ProductDetails,
    ProductDocument,
    Sort,
)
from services.products.pictures import draw
from services.products.repository import (
    CatalogueRepository,
    Listing,
    NewProduct,
    PagePosition,
    StoredProduct,
)
from services.products.search import Vocabulary

FRESH_SECONDS = 2.0
"""How long a cached product, page or category list may be served."""
USABLE_SECONDS = 30.0
"""How old a cached value may be while the store is down."""
VOCABULARY_SECONDS = 60.0
"""How long a new word may be missing from spelling correction."""

ANY_ETAG = "*"
"""Matches every product that exists."""


class UnknownProduct(NotFound):
    """There is no product with this SKU."""

    type = "unknown-product"
    title = "Unknown product"


class ProductChanged(PreconditionFailed):
    """The product has another entity tag than the caller expects."""

    type = "product-changed"
    title = "Product has changed"


@dataclass(frozen=True)
class ListingPage:
    """One page of a listing with ``total`` products, and the positions of the pages beside it.

    ``searched_for`` holds the corrected words when the search contained misspelt ones.
    """

    products: list[Product]
    total: int
    previous: PagePosition | None
    following: PagePosition | None
    searched_for: str | None = None


class CatalogueService:
    """Products and categories. All prices are in one currency."""

    def __init__(self, repository: CatalogueRepository, *, currency: str, clock: Clock) -> None:
        self._repository = repository
        self._currency = currency
        self._clock = clock
        self._products = Cache[str, ProductDocument](
            fresh_for=FRESH_SECONDS, usable_for=USABLE_SECONDS, max_entries=512
        )
        self._pages = Cache[object, ListingPage](
            fresh_for=FRESH_SECONDS, usable_for=USABLE_SECONDS, max_entries=256
        )
        self._vocabulary = Cache[str, Vocabulary](fresh_for=VOCABULARY_SECONDS, max_entries=1)
        self._categories = Cache[str, list[Category]](
            fresh_for=FRESH_SECONDS, usable_for=USABLE_SECONDS, max_entries=1
        )

    async def categories(self) -> list[Category]:
        """All categories, in the order in which the shop shows them."""
        return await self._categories.get("all", self._repository.categories)

    async def find(self, sku: str) -> ProductDocument:
        """The product, at most two seconds old. Raises `UnknownProduct`."""

        async def load() -> ProductDocument:
            return ProductDocument.of((await self._find_uncached(sku)).product)

        return await self._products.get(sku, load)

    async def list_products(
        self, listing: Listing, *, limit: int, position: PagePosition | None
    ) -> ListingPage:
        """The page of at most ``limit`` products at ``position``, at most two seconds old.

        If a search finds nothing, misspelt words are corrected and it is made again.
        """

        async def load() -> ListingPage:
            page = await self._page(listing, limit=limit, position=position)
            if page.total or not listing.words:
                return page
            return await self._corrected_page(listing, limit=limit, position=position) or page

        return await self._pages.get((listing, limit, position), load)

    async def lookup(self, skus: Sequence[str]) -> LookupResponse:
        """Current prices and stock. Never cached."""
        requested = list(dict.fromkeys(skus))
        found = await self._repository.find_many(requested)
        return LookupResponse(
            items=[found[sku] for sku in requested if sku in found],
            missing=[sku for sku in requested if sku not in found],
        )

    async def picture(self, sku: str) -> str:
        """The product's picture as SVG. Raises `UnknownProduct`."""
        product = (await self.find(sku)).product
        return draw(sku=sku, title=product.name, category=product.category)

    async def put(
        self, sku: str, details: ProductDetails, *, expected_etags: Collection[str] | None
    ) -> tuple[Product, bool]:
        """Add or change a product. Returns the product and whether it is new.

        With ``expected_etags`` the product must exist and have one of them.
        Raises `ProductChanged`, `UnprocessablePayload`.
        """
        await self._check(details)
        stored = await self._repository.find(sku)
        if stored is None and expected_etags is None:
            new = NewProduct(sku, details, available=0, added_at=moment(self._clock()))
            if (added := await self._repository.add(new)) is not None:
                self.invalidate([sku])
                return added, True
        version = _expected_version(stored, expected_etags)
        changed = await self._repository.change(sku, details, version=version)
        return self._changed(sku, changed), False

    async def set_stock(
        self, sku: str, available: int, *, expected_etags: Collection[str] | None
    ) -> Product:
        """Set how many pieces can be sold. Raises `UnknownProduct`, `ProductChanged`."""
        stored = await self._find_uncached(sku)
        version = _expected_version(stored, expected_etags)
        changed = await self._repository.set_stock(sku, available, version=version)
        return self._changed(sku, changed)

    def invalidate(self, skus: Collection[str]) -> None:
        """Drop these products from the caches, and every list they may be in."""
        for sku in skus:
            self._products.forget(sku)
        self._pages.clear()
        self._categories.clear()

    async def _corrected_page(
        self, listing: Listing, *, limit: int, position: PagePosition | None
    ) -> ListingPage | None:
        """The page with misspelt words corrected; None when nothing can be corrected."""
        vocabulary = await self._vocabulary.get("all", self._read_vocabulary)
        words = vocabulary.corrected(listing.words)
        if words is None:
            return None
        page = await self._page(replace(listing, words=words), limit=limit, position=position)
        searched_for = " ".join(word.written for word in words)
        return replace(page, searched_for=searched_for if page.total else None)

    async def _page(
        self, listing: Listing, *, limit: int, position: PagePosition | None
    ) -> ListingPage:
        total = await self._repository.count(listing)
        if not total:
            return ListingPage([], 0, None, None)
        # One more than requested shows whether the listing goes on in this direction.
        found = await self._repository.page(listing, limit=limit + 1, position=position)
        has_more = len(found) > limit
        backwards = position is not None and position.backwards
        page = found[-limit:] if backwards else found[:limit]
        if not page:
            return ListingPage([], total, None, None)
        has_previous = has_more if backwards else position is not None
        has_following = position is not None if backwards else has_more
        return ListingPage(
            [stored.product for stored in page],
            total,
            _position(page[0], listing.sort, backwards=True) if has_previous else None,
            _position(page[-1], listing.sort, backwards=False) if has_following else None,
        )

    async def _read_vocabulary(self) -> Vocabulary:
        return Vocabulary(await self._repository.search_terms())

    async def _find_uncached(self, sku: str) -> StoredProduct:
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
        self.invalidate([sku])
        return changed


def _position(stored: StoredProduct, sort: Sort, *, backwards: bool) -> PagePosition:
    return PagePosition(stored.sort_value(sort), stored.product.sku, backwards)


def _expected_version(
    stored: StoredProduct | None, expected_etags: Collection[str] | None
) -> int | None:
    """The version a change must find, None for any. Raises `ProductChanged`."""
    if expected_etags is None:
        return None
    if stored is None or not {ANY_ETAG, stored.product.etag()} & set(expected_etags):
        raise ProductChanged("The product is not the one you have seen.")
    return stored.version

"""A list of products as a page shows it: the filters, what was found, and the ways on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from services.storefront.models import Category, Product, ProductPage, ProductQuery
from services.storefront.money import SYMBOLS, parse_amount
from services.storefront.page_parts import MissingPart
from services.storefront.paths import SEARCH_PATH, category_path
from services.storefront.service import Listing
from services.storefront.view_models.item_count import format_item_count
from services.storefront.view_models.missing_parts import MissingPartView, missing_part_view
from services.storefront.view_models.product import ProductView, kind_of, product_views

SORTS = {"name": "Name", "newest": "Newest", "price": "Cheapest first", "-price": "Dearest first"}
DEFAULT_SORT = "name"


@dataclass(frozen=True, slots=True)
class ListingRequest:
    """Filters, sorting and cursor, as they stand in the address of the page."""

    category: str | None = None
    text: str = ""
    sort: str = ""
    cursor: str = ""
    in_stock: bool = False
    min_price: str = ""
    max_price: str = ""
    currency: str = ""

    @property
    def query(self) -> ProductQuery:
        """The same for the products service; a price that cannot be read is left out."""
        prices = [parse_amount(typed, self.currency) for typed in (self.min_price, self.max_price)]
        if None not in prices:
            prices.sort(key=lambda amount: amount or 0)
        return ProductQuery(
            category=self.category,
            text=self.text or None,
            sort=self.sort or None,
            cursor=self.cursor or None,
            in_stock=self.in_stock,
            min_price=prices[0],
            max_price=prices[1],
        )

    @property
    def price_problem(self) -> str:
        typed = [price for price in (self.min_price, self.max_price) if price]
        if all(parse_amount(price, self.currency) is not None for price in typed):
            return ""
        return "Write a price like 10 or 49.50."

    @property
    def base_path(self) -> str:
        return category_path(self.category) if self.category else SEARCH_PATH

    def path(self, **changes: Any) -> str:
        """The address of the listing with these changes, from its first page on."""
        changed = replace(self, **({"cursor": ""} | changes))
        has_price = changed.min_price or changed.max_price
        parameters = {
            "q": changed.text,
            "sort": changed.sort,
            "stock": "1" if changed.in_stock else "",
            "from": changed.min_price,
            "to": changed.max_price,
            "currency": changed.currency if has_price else "",
            "cursor": changed.cursor,
        }
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"{changed.base_path}?{query}" if query else changed.base_path


@dataclass(frozen=True, slots=True)
class Link:
    name: str
    path: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class FilterView:
    """The filters as they were typed; ``hidden_fields`` are sent along with them."""

    path: str
    hidden_fields: Sequence[tuple[str, str]]
    in_stock: bool = False
    min_price: str = ""
    max_price: str = ""
    problem: str = ""
    symbol: str = ""

    @property
    def is_used(self) -> bool:
        return self.in_stock or bool(self.min_price or self.max_price)


@dataclass(frozen=True, slots=True)
class ListingView:
    """``suggestions`` are shown where there is nothing to list."""

    title: str
    subtitle: str
    kind: str | None
    products: Sequence[ProductView]
    category_links: Sequence[Link]
    sort_links: Sequence[Link]
    filters: FilterView
    unfiltered_path: str
    previous_path: str | None
    next_path: str | None
    suggestions: Sequence[ProductView] = ()
    missing: MissingPartView | None = None
    is_known_category: bool = False
    """True as well while the categories cannot be read."""


def listing_view(found: Listing, request: ListingRequest) -> ListingView:
    categories = () if isinstance(found.categories, MissingPart) else found.categories
    category = next((one for one in categories if one.slug == request.category), None)
    page = ProductPage(items=[]) if isinstance(found.products, MissingPart) else found.products
    title, subtitle = _headings(request, category, page)
    return ListingView(
        title=title,
        subtitle=subtitle,
        kind=kind_of(request.category) if request.category else None,
        products=product_views(page.items),
        category_links=_category_links(request, categories),
        sort_links=[
            Link(name, request.path(sort=key), is_current=key == (request.sort or DEFAULT_SORT))
            for key, name in SORTS.items()
        ],
        filters=_filter_view(request, [*page.items, *found.suggestions]),
        unfiltered_path=request.path(in_stock=False, min_price="", max_price=""),
        previous_path=request.path(cursor=page.previous_cursor) if page.previous_cursor else None,
        next_path=request.path(cursor=page.next_cursor) if page.next_cursor else None,
        suggestions=product_views(found.suggestions),
        missing=missing_part_view(found.products)
        if isinstance(found.products, MissingPart)
        else None,
        is_known_category=category is not None or isinstance(found.categories, MissingPart),
    )


def _category_links(request: ListingRequest, categories: Sequence[Category]) -> Sequence[Link]:
    if not categories:
        return ()
    everything = Link("Everything", request.path(category=None), is_current=not request.category)
    return [
        everything,
        *(
            Link(one.name, request.path(category=one.slug), is_current=one.slug == request.category)
            for one in categories
        ),
    ]


def _filter_view(request: ListingRequest, shown: Sequence[Product]) -> FilterView:
    currency = request.currency or (shown[0].price.currency if shown else "")
    hidden = {"q": request.text, "sort": request.sort, "currency": currency}
    return FilterView(
        path=request.base_path,
        hidden_fields=[(name, value) for name, value in hidden.items() if value],
        in_stock=request.in_stock,
        min_price=request.min_price,
        max_price=request.max_price,
        problem=request.price_problem,
        symbol=SYMBOLS.get(currency, currency),
    )


def _headings(
    request: ListingRequest, category: Category | None, page: ProductPage
) -> tuple[str, str]:
    """The title, and the line beneath it."""
    count = "" if page.total is None else format_item_count(page.total)
    if request.text:
        title = f"“{request.text}”" + (f" in {category.name}" if category else "")
        if page.searched_for and page.total:
            corrected = f"“{page.searched_for}”"
            return title, f"Nothing by that name. Here is what {corrected} finds: {count}."
        return title, count if page.items else ""
    if category:
        return category.name, count or format_item_count(category.count)
    if request.category:
        return request.category.replace("-", " ").capitalize(), ""
    everything = "Everything we have that turns, spins, wheels or merely rolls"
    return "All the goods", f"{everything}: {count}." if count else f"{everything}."

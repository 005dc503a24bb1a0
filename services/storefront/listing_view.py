"""A list of goods as a page shows it: what was wanted, what was found, and the ways on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from services.storefront.models import Category, Product, ProductPage, Query
from services.storefront.money import SYMBOLS, amount_of
from services.storefront.service import Listing, Outage
from services.storefront.views import (
    Goods,
    Link,
    Missing,
    category_path,
    goods,
    kind_of,
    missing,
    things,
)

SORTS = {"name": "Name", "newest": "Newest", "price": "Cheapest first", "-price": "Dearest first"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visitor asks a listing for, as the address of the page has it."""

    category: str | None = None
    text: str = ""
    sort: str = ""
    cursor: str = ""
    in_stock: bool = False
    lowest: str = ""
    highest: str = ""
    currency: str = ""

    @property
    def query(self) -> Query:
        """The same for products; a price that is none is left out."""
        prices = [amount_of(typed, self.currency) for typed in (self.lowest, self.highest)]
        if None not in prices:
            prices.sort(key=lambda amount: amount or 0)
        return Query(
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
        typed = [price for price in (self.lowest, self.highest) if price]
        if all(amount_of(price, self.currency) is not None for price in typed):
            return ""
        return "Write a price like 10 or 49.50."

    def path(self, **changes: Any) -> str:
        """The address of the listing with something else wanted, from its first page on."""
        wanted = replace(self, **({"cursor": ""} | changes))
        parameters = {
            "q": wanted.text,
            "sort": wanted.sort,
            "stock": "1" if wanted.in_stock else "",
            "from": wanted.lowest,
            "to": wanted.highest,
            "currency": wanted.currency if wanted.lowest or wanted.highest else "",
            "cursor": wanted.cursor,
        }
        path = category_path(wanted.category) if wanted.category else "/search"
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class Sieve:
    """The filters of a listing, as they were typed; ``kept`` are the fields that go along."""

    path: str
    kept: Sequence[tuple[str, str]]
    in_stock: bool = False
    lowest: str = ""
    highest: str = ""
    problem: str = ""
    symbol: str = ""

    @property
    def used(self) -> bool:
        return self.in_stock or bool(self.lowest or self.highest)


@dataclass(frozen=True, slots=True)
class ListingPage:
    title: str
    words: str
    kind: str | None
    products: Sequence[Goods]
    shelves: Sequence[Link]
    sorts: Sequence[Link]
    sieve: Sieve
    all_path: str
    previous_path: str | None
    next_path: str | None
    instead: Sequence[Goods] = ()
    missing: Missing | None = None
    is_shelf: bool = False
    """Whether there is such a category, as far as anybody can tell."""


def listing_page(found: Listing, wanted: Wanted) -> ListingPage:
    categories = () if isinstance(found.categories, Outage) else found.categories
    here = next((one for one in categories if one.slug == wanted.category), None)
    page = ProductPage(items=[]) if isinstance(found.products, Outage) else found.products
    title, words = _listing_words(wanted, here, page)
    return ListingPage(
        title=title,
        words=words,
        kind=kind_of(wanted.category) if wanted.category else None,
        products=[goods(product) for product in page.items],
        shelves=[
            Link("Everything", wanted.path(category=None), current=not wanted.category),
            *(
                Link(
                    one.name,
                    wanted.path(category=one.slug),
                    current=one.slug == wanted.category,
                )
                for one in categories
            ),
        ]
        if categories
        else (),
        sorts=[
            Link(name, wanted.path(sort=key), current=key == (wanted.sort or "name"))
            for key, name in SORTS.items()
        ],
        sieve=_sieve(wanted, [*page.items, *found.instead]),
        all_path=wanted.path(in_stock=False, lowest="", highest=""),
        previous_path=wanted.path(cursor=page.previous_cursor) if page.previous_cursor else None,
        next_path=wanted.path(cursor=page.next_cursor) if page.next_cursor else None,
        instead=[goods(product) for product in found.instead],
        missing=missing(found.products) if isinstance(found.products, Outage) else None,
        is_shelf=here is not None or isinstance(found.categories, Outage),
    )


def _sieve(wanted: Wanted, shown: Sequence[Product]) -> Sieve:
    currency = wanted.currency or (shown[0].price.currency if shown else "")
    kept = {"q": wanted.text, "sort": wanted.sort, "currency": currency}
    return Sieve(
        path=category_path(wanted.category) if wanted.category else "/search",
        kept=[(name, value) for name, value in kept.items() if value],
        in_stock=wanted.in_stock,
        lowest=wanted.lowest,
        highest=wanted.highest,
        problem=wanted.price_problem,
        symbol=SYMBOLS.get(currency, currency),
    )


def _listing_words(wanted: Wanted, category: Category | None, page: ProductPage) -> tuple[str, str]:
    """The title of a listing, and a line beneath it."""
    count = "" if page.total is None else things(page.total)
    if wanted.text:
        title = f"“{wanted.text}”"
        title += f" in {category.name}" if category else ""
        if page.searched_for and page.total:
            return (
                title,
                f"Nothing by that name. Here is what “{page.searched_for}” finds: {count}.",
            )
        return title, count if page.items else ""
    if category:
        return category.name, count or things(category.count)
    if wanted.category:
        return wanted.category.replace("-", " ").capitalize(), ""
    everything = "Everything we have that turns, spins, wheels or merely rolls"
    return "All the goods", f"{everything}: {count}." if count else f"{everything}."

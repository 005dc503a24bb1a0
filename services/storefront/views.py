"""What the templates show: words and addresses, made from what the neighbours answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from app.telemetry.context import current_context
from services.storefront.models import Category, Money, Product
from services.storefront.money import decimal, spoken
from services.storefront.service import Home, Outage, ProductDetail

Tone = Literal["good", "wait", "error"]

KINDS = ("bicycles", "skates", "carts", "toys", "kitchen", "curiosities")
"""The shelves that have a wheel and a ground of their own."""
FEW_LEFT = 5
MAX_A_LINE = 99


@dataclass(frozen=True, slots=True)
class Missing:
    """What stands in the place of a part that did not come."""

    title: str
    text: str
    request_id: str


OUTAGES = {
    "products": (
        "The shelves are not answering.",
        "Nothing is lost. Please try again in a moment.",
    ),
    "cart": (
        "The cart is not answering.",
        "What you put in is safe. Please try again in a moment.",
    ),
    "user": (
        "The front desk is not answering.",
        "Your cart and your orders are safe. You can go on looking around.",
    ),
    "tracking": (
        "The order desk is not answering.",
        "Your cart and your orders are safe. Please try again in a moment.",
    ),
}


def missing(outage: Outage) -> Missing:
    title, text = OUTAGES[outage.neighbour]
    return Missing(title, text, current_context().request_id)


@dataclass(frozen=True, slots=True)
class Link:
    name: str
    path: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category on the home page."""

    name: str
    path: str
    kind: str
    count_words: str


@dataclass(frozen=True, slots=True)
class Goods:
    """A product as cards and pages show it."""

    sku: str
    name: str
    summary: str
    description: str
    kind: str
    path: str
    picture: str
    price: str
    amount: int
    stock_words: str
    stock_level: Literal["plenty", "low", "gone"]
    most: int
    facts: Sequence[tuple[str, str]] = ()
    shelf_name: str = "All goods"
    shelf_path: str = "/search"

    @property
    def buyable(self) -> bool:
        return self.most > 0


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page: what was found, or what is missing."""

    found: Sequence[Goods | Shelf] = ()
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class HomePage:
    categories: Block
    products: Block


def kind_of(category: str) -> str:
    """The wheel of a category; one that is new gets the plain one."""
    return next((kind for kind in KINDS if kind in category), "any")


def product_path(sku: str) -> str:
    return f"/products/{quote(sku, safe='')}"


def category_path(slug: str) -> str:
    return f"/categories/{quote(slug, safe='')}"


def goods(product: Product, *, shelf: Category | None = None) -> Goods:
    path = product_path(product.sku)
    words, level = _stock(product.available)
    return Goods(
        sku=product.sku,
        name=product.name,
        summary=product.summary,
        description=product.description,
        kind=kind_of(product.category),
        path=path,
        picture=f"{path}/image.svg",
        price=spoken(product.price),
        amount=product.price.amount,
        stock_words=words,
        stock_level=level,
        most=min(product.available, MAX_A_LINE),
        facts=_facts(product),
        shelf_name=shelf.name if shelf else "All goods",
        shelf_path=category_path(shelf.slug) if shelf else "/search",
    )


def home(found: Home) -> HomePage:
    return HomePage(
        categories=Block(missing=missing(found.categories))
        if isinstance(found.categories, Outage)
        else Block([_shelf(category) for category in found.categories]),
        products=Block(missing=missing(found.products))
        if isinstance(found.products, Outage)
        else Block([goods(product) for product in found.products.items]),
    )


def product_page(detail: ProductDetail) -> tuple[Goods, Sequence[Goods]]:
    """The product, and its neighbours on the shelf."""
    return goods(detail.product, shelf=detail.category), [goods(one) for one in detail.beside]


def linked_data(product: Product, *, origin: str) -> Mapping[str, Any]:
    """The product as search engines read it (schema.org, JSON-LD)."""
    path = product_path(product.sku)
    there = "InStock" if product.available > 0 else "OutOfStock"
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": product.sku,
        "name": product.name,
        "description": product.description or product.summary,
        "image": f"{origin}{path}/image.svg",
        "offers": {
            "@type": "Offer",
            "url": f"{origin}{path}",
            "price": decimal(product.price),
            "priceCurrency": product.price.currency,
            "availability": f"https://schema.org/{there}",
        },
    }


def price_change(before: int, now: Money) -> str | None:
    """What to say beside a line whose price is no longer the one that was seen."""
    if before == now.amount:
        return None
    difference = spoken(Money(amount=abs(now.amount - before), currency=now.currency))
    way = "went up" if now.amount > before else "came down"
    return f"The price {way} by {difference} since you added it."


def _shelf(category: Category) -> Shelf:
    return Shelf(
        name=category.name,
        path=category_path(category.slug),
        kind=kind_of(category.slug),
        count_words=things(category.count),
    )


def things(count: int) -> str:
    """A number of things, in words."""
    return "1 thing" if count == 1 else f"{count} things"


def _stock(available: int) -> tuple[str, Literal["plenty", "low", "gone"]]:
    if available <= 0:
        return "gone, back soon", "gone"
    if available <= FEW_LEFT:
        return f"only {available} left", "low"
    return f"{available} left", "plenty"


def _facts(product: Product) -> Sequence[tuple[str, str]]:
    facts = []
    if product.weight_grams is not None:
        facts.append(("Weight", _weight(product.weight_grams)))
    if product.size:
        facts.append(("Size", product.size))
    return facts


def _weight(grams: int) -> str:
    return f"{grams} g" if grams < 1000 else f"{grams / 1000:g} kg"

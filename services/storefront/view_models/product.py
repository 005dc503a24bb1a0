"""Products as cards and pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from services.storefront.models import MAX_QUANTITY, Category, Product
from services.storefront.money import format_decimal, format_money
from services.storefront.paths import SEARCH_PATH, category_path, product_path
from services.storefront.service import ProductDetail

StockLevel = Literal["plenty", "low", "gone"]

KINDS = ("bicycles", "skates", "carts", "toys", "kitchen", "curiosities")
"""The categories that have a wheel and a background of their own."""
LOW_STOCK = 5
MAX_REMEMBERED = 256
"""Views of products: pages show the same ones again and again."""


@dataclass(frozen=True, slots=True)
class ProductView:
    """``kind`` chooses the wheel and the background, ``amount`` is the price a form sends along."""

    sku: str
    name: str
    summary: str
    description: str
    kind: str
    path: str
    image_path: str
    price: str
    amount: int
    stock_text: str
    stock_level: StockLevel
    max_quantity: int
    facts: Sequence[tuple[str, str]] = ()
    category_name: str = "All goods"
    category_path: str = SEARCH_PATH

    @property
    def is_buyable(self) -> bool:
        return self.max_quantity > 0


@lru_cache(MAX_REMEMBERED)
def product_view(product: Product, *, category: Category | None = None) -> ProductView:
    stock_text, stock_level = _stock(product.available)
    return ProductView(
        sku=product.sku,
        name=product.name,
        summary=product.summary,
        description=product.description,
        kind=kind_of(product.category),
        path=product_path(product.sku),
        image_path=image_path(product.sku),
        price=format_money(product.price),
        amount=product.price.amount,
        stock_text=stock_text,
        stock_level=stock_level,
        max_quantity=min(product.available, MAX_QUANTITY),
        facts=_facts(product),
        category_name=category.name if category else "All goods",
        category_path=category_path(category.slug) if category else SEARCH_PATH,
    )


def product_views(products: Sequence[Product]) -> Sequence[ProductView]:
    return [product_view(product) for product in products]


def product_page(detail: ProductDetail) -> tuple[ProductView, Sequence[ProductView]]:
    """The product, and others of its category."""
    return product_view(detail.product, category=detail.category), product_views(detail.similar)


def linked_data(product: Product, *, origin: str) -> Mapping[str, Any]:
    """The product as search engines read it (schema.org, JSON-LD)."""
    availability = "InStock" if product.available > 0 else "OutOfStock"
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": product.sku,
        "name": product.name,
        "description": product.description or product.summary,
        "image": f"{origin}{image_path(product.sku)}",
        "offers": {
            "@type": "Offer",
            "url": f"{origin}{product_path(product.sku)}",
            "price": format_decimal(product.price),
            "priceCurrency": product.price.currency,
            "availability": f"https://schema.org/{availability}",
        },
    }


def kind_of(category: str) -> str:
    """The kind of a category; a new one has the plain wheel."""
    return next((kind for kind in KINDS if kind in category), "any")


def image_path(sku: str) -> str:
    return f"{product_path(sku)}/image.svg"


def _stock(available: int) -> tuple[str, StockLevel]:
    if available <= 0:
        return "gone, back soon", "gone"
    if available <= LOW_STOCK:
        return f"only {available} left", "low"
    return f"{available} left", "plenty"


def _facts(product: Product) -> Sequence[tuple[str, str]]:
    facts = []
    if product.weight_grams is not None:
        facts.append(("Weight", _weight(product.weight_grams)))
    if product.size:
        facts.append(("Size", product.size))
    return tuple(facts)


def _weight(grams: int) -> str:
    return f"{grams} g" if grams < 1000 else f"{grams / 1000:g} kg"

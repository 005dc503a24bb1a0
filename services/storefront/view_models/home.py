"""The home page: its categories, and the newest products."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.storefront.models import Category
from services.storefront.page_parts import MissingPart
from services.storefront.paths import category_path
from services.storefront.service import Home
from services.storefront.view_models.item_count import format_item_count
from services.storefront.view_models.missing_parts import MissingPartView, missing_part_view
from services.storefront.view_models.product import ProductView, kind_of, product_views


@dataclass(frozen=True, slots=True)
class CategoryCard:
    name: str
    path: str
    kind: str
    count: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: what was found, or what is missing."""

    found: Sequence[ProductView | CategoryCard] = ()
    missing: MissingPartView | None = None


@dataclass(frozen=True, slots=True)
class HomeView:
    categories: Section
    products: Section


def home_view(home: Home) -> HomeView:
    return HomeView(
        categories=Section(missing=missing_part_view(home.categories))
        if isinstance(home.categories, MissingPart)
        else Section([_category_card(category) for category in home.categories]),
        products=Section(missing=missing_part_view(home.products))
        if isinstance(home.products, MissingPart)
        else Section(product_views(home.products.items)),
    )


def _category_card(category: Category) -> CategoryCard:
    return CategoryCard(
        name=category.name,
        path=category_path(category.slug),
        kind=kind_of(category.slug),
        count=format_item_count(category.count),
    )

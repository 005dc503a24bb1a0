"""Browsing: home, categories, search, products, and the page for developers."""

import re
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app.errors import NotFound
from app.text import ZWJ, ZWNJ
from services.storefront.clients import RequestDeclined
from services.storefront.dependencies import CurrentShop, PageVisit, Shop
from services.storefront.idempotency_keys import new_form_key
from services.storefront.models import is_sku
from services.storefront.page_parts import MissingPart
from services.storefront.view_models.home import home_view
from services.storefront.view_models.listing import SORTS, ListingRequest, listing_view
from services.storefront.view_models.product import linked_data, product_page, product_views
from services.storefront.visit.visit import Visit
from services.storefront.web.security_headers import IMAGE_SECURITY_POLICY

router = APIRouter(include_in_schema=False)

CATEGORY_SLUG = re.compile(r"[a-z0-9-]{1,40}")
CURSOR = re.compile(r"[A-Za-z0-9_-]{1,512}")
CURRENCY = re.compile(r"[A-Z]{3}")
MAX_SEARCH_LENGTH = 80
MAX_PRICE_LENGTH = 12

SERVICES = (
    {"name": "products", "keeps": "Goods, prices, stock, reservations"},
    {"name": "cart", "keeps": "What is in a basket, without prices"},
    {"name": "user", "keeps": "Accounts, sessions, guests, public keys"},
    {"name": "tracking", "keeps": "Orders, and where each one is"},
)

Text = Annotated[str, Query()]


async def _listing_request(
    q: Text = "",
    sort: Text = "",
    cursor: Text = "",
    stock: Text = "",
    min_price: Annotated[str, Query(alias="from")] = "",
    max_price: Annotated[str, Query(alias="to")] = "",
    currency: Text = "",
) -> ListingRequest:
    """The parameters of the address. Values that cannot be meant are ignored."""
    return ListingRequest(
        text=_printable(q)[:MAX_SEARCH_LENGTH],
        sort=sort if sort in SORTS else "",
        cursor=cursor if CURSOR.fullmatch(cursor) else "",
        in_stock=stock == "1",
        min_price=_printable(min_price)[:MAX_PRICE_LENGTH],
        max_price=_printable(max_price)[:MAX_PRICE_LENGTH],
        currency=currency if CURRENCY.fullmatch(currency) else "",
    )


def _printable(text: str) -> str:
    kept = (one for one in text if one.isprintable() or one in (ZWJ, ZWNJ))
    return "".join(kept).strip()


CurrentListing = Annotated[ListingRequest, Depends(_listing_request)]


@router.get("/")
async def home(visit: PageVisit, shop: CurrentShop) -> Response:
    view = home_view(await shop.storefront.home())
    return await visit.pages.show(
        "home.html", here="home", categories=view.categories, products=view.products
    )


@router.get("/search")
async def search(visit: PageVisit, shop: CurrentShop, listing: CurrentListing) -> Response:
    return await _listing_page(visit, shop, listing)


@router.get("/categories/{slug}")
async def category(
    slug: str, visit: PageVisit, shop: CurrentShop, listing: CurrentListing
) -> Response:
    if not CATEGORY_SLUG.fullmatch(slug):
        raise _no_such_category()
    return await _listing_page(visit, shop, replace(listing, category=slug))


@router.get("/products/{sku}")
async def product(sku: str, visit: PageVisit, shop: CurrentShop, quantity: Text = "") -> Response:
    if not is_sku(sku):
        raise NotFound("There is no such product.")
    detail = await shop.storefront.product(sku)
    if detail is None and not visit.accepts_html:
        raise NotFound("There is no such product.")
    if detail is None:
        suggestions = product_views(await shop.storefront.suggestions(sku))
        return await visit.pages.show(
            "product_not_found.html", status=404, here="shop", suggestions=suggestions
        )
    if isinstance(detail, MissingPart):
        return await visit.pages.show_missing("product.html", detail, product=None)
    view, similar = product_page(detail)
    return await visit.pages.show(
        "product.html",
        product=view,
        similar=similar,
        quantity=quantity[:8] or "1",
        form_key=new_form_key(),
        missing=None,
        flash_products={sku: detail.product},
        linked_data=linked_data(detail.product, origin=visit.pages.origin),
    )


@router.get("/products/{sku}/image.svg")
async def image(sku: str, request: Request, shop: CurrentShop) -> Response:
    """The drawing of a product, from the shop's own origin."""
    if not is_sku(sku):
        raise NotFound("There is no such drawing.")
    try:
        found = await shop.storefront.products.image(sku, etag=request.headers.get("if-none-match"))
    except RequestDeclined as declined:
        raise NotFound("There is no such drawing.") from declined
    headers = found.headers | {"content-security-policy": IMAGE_SECURITY_POLICY}
    return Response(found.content, found.status, headers)


@router.get("/docs")
async def developers(visit: PageVisit, request: Request, shop: CurrentShop) -> Response:
    origin = shop.settings.public_origin or str(request.base_url).rstrip("/")
    return await visit.pages.show("developers.html", services=SERVICES, origin=origin)


async def _listing_page(visit: Visit, shop: Shop, listing: ListingRequest) -> Response:
    try:
        found = await shop.storefront.listing(listing.query)
    except RequestDeclined:
        # An old cursor, or a made-up one: the first page is always there.
        if listing.cursor:
            return visit.pages.redirect(listing.path())
        raise _no_such_category() from None
    view = listing_view(found, listing)
    if listing.category and not view.missing and not view.is_known_category:
        raise _no_such_category()
    return await visit.pages.show(
        "listing.html",
        status=503 if view.missing else 200,
        here="shop",
        listing=view,
        search_text=listing.text,
    )


def _no_such_category() -> NotFound:
    return NotFound("There is no such shelf.")

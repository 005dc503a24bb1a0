"""Looking around: home, shelves, search, products, and the page for developers."""

import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from app.errors import NotFound
from app.text import ZWJ, ZWNJ
from services.storefront import listing_view, views
from services.storefront.clients import Refusal
from services.storefront.dependencies import CurrentShop, PageVisit, new_form_key
from services.storefront.models import SKU_PATTERN
from services.storefront.service import Outage
from services.storefront.web.security import IMAGE_SECURITY_POLICY

router = APIRouter(include_in_schema=False)

SKU = re.compile(SKU_PATTERN)
SLUG = re.compile(r"[a-z0-9-]{1,40}")
MAX_SEARCH = 80
MAX_PRICE = 12
CURSOR = re.compile(r"[A-Za-z0-9_-]{1,512}")
CURRENCY = re.compile(r"[A-Z]{3}")

SERVICES = (
    {"name": "products", "keeps": "Goods, prices, stock, reservations"},
    {"name": "cart", "keeps": "What is in a basket, without prices"},
    {"name": "user", "keeps": "Accounts, sessions, guests, public keys"},
    {"name": "tracking", "keeps": "Orders, and where each one is"},
)

Text = Annotated[str, Query()]


async def wanted(
    q: Text = "",
    sort: Text = "",
    cursor: Text = "",
    stock: Text = "",
    lowest: Annotated[str, Query(alias="from")] = "",
    highest: Annotated[str, Query(alias="to")] = "",
    currency: Text = "",
) -> listing_view.Wanted:
    """What an address asks a listing for. What cannot be meant is left out."""
    return listing_view.Wanted(
        text=_printable(q)[:MAX_SEARCH],
        sort=sort if sort in listing_view.SORTS else "",
        cursor=cursor if CURSOR.fullmatch(cursor) else "",
        in_stock=stock == "1",
        lowest=_printable(lowest)[:MAX_PRICE],
        highest=_printable(highest)[:MAX_PRICE],
        currency=currency if CURRENCY.fullmatch(currency) else "",
    )


def _printable(typed: str) -> str:
    shown = (one for one in typed if one.isprintable() or one in (ZWJ, ZWNJ))
    return "".join(shown).strip()


Wanted = Annotated[listing_view.Wanted, Depends(wanted)]


@router.get("/")
async def home(visit: PageVisit, shop: CurrentShop) -> Any:
    found = views.home(await shop.storefront.home())
    return await visit.page(
        "home.html", here="home", categories=found.categories, products=found.products
    )


@router.get("/search")
async def search(visit: PageVisit, shop: CurrentShop, wanted: Wanted) -> Any:
    return await _listing(visit, shop, wanted)


@router.get("/categories/{slug}")
async def category(slug: str, visit: PageVisit, shop: CurrentShop, wanted: Wanted) -> Any:
    if not SLUG.fullmatch(slug):
        raise NotFound("There is no such shelf.")
    return await _listing(visit, shop, replace(wanted, category=slug))


@router.get("/products/{sku}")
async def product(sku: str, visit: PageVisit, shop: CurrentShop, quantity: Text = "") -> Any:
    if not SKU.fullmatch(sku):
        raise NotFound("There is no such product.")
    detail = await shop.storefront.product(sku)
    if detail is None and not visit.reads_pages:
        raise NotFound("There is no such product.")
    if detail is None:
        others = [views.goods(one) for one in await shop.storefront.like(sku)]
        return await visit.page("gone.html", status=404, here="shop", goods_instead=others)
    if isinstance(detail, Outage):
        return await visit.outage("product.html", detail, product=None)
    shown, beside = views.product_page(detail)
    return await visit.page(
        "product.html",
        product=shown,
        neighbours=beside,
        quantity=quantity[:8] or "1",
        form_key=new_form_key(),
        missing=None,
        goods={sku: detail.product},
        linked_data=views.linked_data(detail.product, origin=visit.origin),
    )


@router.get("/products/{sku}/image.svg")
async def image(sku: str, request: Request, shop: CurrentShop) -> Response:
    """The drawing of a product, from the shop's own origin."""
    if not SKU.fullmatch(sku):
        raise NotFound("There is no such drawing.")
    try:
        found = await shop.storefront.products.image(sku, etag=request.headers.get("if-none-match"))
    except Refusal as refusal:
        raise NotFound("There is no such drawing.") from refusal
    headers = found.headers | {"content-security-policy": IMAGE_SECURITY_POLICY}
    return Response(found.content, found.status, headers)


@router.get("/docs")
async def developers(visit: PageVisit, request: Request, shop: CurrentShop) -> Any:
    origin = shop.settings.public_origin or str(request.base_url).rstrip("/")
    return await visit.page("developers.html", services=SERVICES, origin=origin)


async def _listing(visit: PageVisit, shop: CurrentShop, wanted: listing_view.Wanted) -> Any:
    try:
        found = await shop.storefront.listing(wanted.query)
    except Refusal:
        # A cursor from long ago, or a made-up one: the beginning is always there.
        if wanted.cursor:
            return visit.redirect(wanted.path())
        raise NotFound("There is no such shelf.") from None
    page = listing_view.listing_page(found, wanted)
    if wanted.category and not page.missing and not page.is_shelf:
        raise NotFound("There is no such shelf.")
    return await visit.page(
        "listing.html",
        status=503 if page.missing else 200,
        here="shop",
        listing=page,
        search_text=wanted.text,
    )

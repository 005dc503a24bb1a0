"""Looking around: home, shelves, search, products, and the page for developers."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.errors import NotFound
from services.storefront import models, views
from services.storefront.clients import Refusal
from services.storefront.dependencies import CurrentShop, PageVisit
from services.storefront.service import Outage
from services.storefront.web.safety import IMAGE_SECURITY_POLICY

router = APIRouter(include_in_schema=False)

SKU = re.compile(r"[A-Z0-9][A-Z0-9-]{1,31}")
SLUG = re.compile(r"[a-z0-9-]{1,40}")
LONGEST_SEARCH = 80
LONGEST_CURSOR = 1024

SERVICES = (
    {"name": "products", "keeps": "Goods, prices, stock, reservations"},
    {"name": "cart", "keeps": "What is in a basket, without prices"},
    {"name": "user", "keeps": "Accounts, sessions, guests, public keys"},
    {"name": "tracking", "keeps": "Orders, and where each one is"},
)

Text = Annotated[str, Query()]


@router.get("/")
async def home(visit: PageVisit, shop: CurrentShop) -> Any:
    found = views.home(await shop.storefront.home())
    return await visit.page(
        "home.html", here="home", categories=found.categories, products=found.products
    )


@router.get("/search")
async def search(
    visit: PageVisit, shop: CurrentShop, q: Text = "", sort: Text = "", cursor: Text = ""
) -> Any:
    text = "".join(character for character in q if character.isprintable())
    query = _query(text=text.strip()[:LONGEST_SEARCH], sort=sort, cursor=cursor)
    return await _listing(visit, shop, query, path="/search")


@router.get("/categories/{slug}")
async def category(
    slug: str, visit: PageVisit, shop: CurrentShop, sort: Text = "", cursor: Text = ""
) -> Any:
    if not SLUG.fullmatch(slug):
        raise NotFound("There is no such shelf.")
    query = _query(category=slug, sort=sort, cursor=cursor)
    return await _listing(visit, shop, query, path=views.category_path(slug))


@router.get("/products/{sku}")
async def product(sku: str, visit: PageVisit, shop: CurrentShop) -> Any:
    if not SKU.fullmatch(sku):
        raise NotFound("There is no such product.")
    detail = await shop.storefront.product(sku)
    if detail is None:
        raise NotFound("There is no such product.")
    if isinstance(detail, Outage):
        return await visit.page("product.html", product=None, missing=views.missing(detail))
    shown, beside = views.product_page(detail)
    return await visit.page("product.html", product=shown, neighbours=beside, missing=None)


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


async def _listing(visit: PageVisit, shop: CurrentShop, query: models.Query, *, path: str) -> Any:
    try:
        found = await shop.storefront.listing(query)
    except Refusal:
        # A cursor from long ago, or a made-up one: the beginning is always there.
        if query.cursor:
            return visit.redirect(path)
        raise NotFound("There is no such shelf.") from None
    listing = views.listing(found, query)
    return await visit.page(
        "listing.html", here="shop", listing=listing, search_text=query.text or ""
    )


def _query(
    *, category: str | None = None, text: str | None = None, sort: str, cursor: str
) -> models.Query:
    return models.Query(
        category=category,
        text=text or None,
        sort=sort if sort in views.SORTS else None,
        cursor=cursor if 0 < len(cursor) <= LONGEST_CURSOR and cursor.isascii() else None,
    )

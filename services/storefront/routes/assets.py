"""The files of the pages. Their addresses change with their content, so they are kept for ever."""

from fastapi import APIRouter, Response

from app.errors import NotFound
from services.storefront.dependencies import CurrentShop
from services.storefront.web.assets import Asset

router = APIRouter(include_in_schema=False)

FOR_EVER = "public, max-age=31536000, immutable"
# What is one person's own, and lists that never end.
ROBOTS = """\
User-agent: *
Disallow: /account
Disallow: /api/
Disallow: /cart
Disallow: /checkout
Disallow: /login
Disallow: /orders
Disallow: /register
Disallow: /search?
"""
FOR_A_DAY = "public, max-age=86400"


@router.get("/static/{address}")
async def asset(address: str, shop: CurrentShop) -> Response:
    found = shop.assets.at(address)
    if found is None:
        raise NotFound("There is no such file.")
    return _file(found, FOR_EVER)


@router.get("/favicon.ico")
async def favicon(shop: CurrentShop) -> Response:
    """For browsers that ask without having read the page."""
    return _file(shop.assets.named("favicon.svg"), FOR_A_DAY)


@router.get("/apple-touch-icon.png")
async def touch_icon(shop: CurrentShop) -> Response:
    """For home screens, which do not take SVG."""
    return _file(shop.assets.named("apple-touch-icon.png"), FOR_A_DAY)


@router.get("/robots.txt")
async def robots() -> Response:
    headers = {"cache-control": FOR_A_DAY}
    return Response(ROBOTS, media_type="text/plain; charset=utf-8", headers=headers)


def _file(found: Asset, caching: str) -> Response:
    headers = {"cache-control": caching}
    return Response(found.content, media_type=found.content_type, headers=headers)

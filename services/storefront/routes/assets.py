"""The static files of the pages. Their addresses change with their content: they never expire."""

from fastapi import APIRouter, Response

from app.errors import NotFound
from services.storefront.dependencies import CurrentShop
from services.storefront.web.assets import Asset

router = APIRouter(include_in_schema=False)

IMMUTABLE = "public, max-age=31536000, immutable"
# Pages of one person, and lists without an end.
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
ONE_DAY = "public, max-age=86400"


@router.get("/static/{address}")
async def static_file(address: str, shop: CurrentShop) -> Response:
    found = shop.assets.at(address)
    if found is None:
        raise NotFound("There is no such file.")
    return _file(found, IMMUTABLE)


@router.get("/favicon.ico")
async def favicon(shop: CurrentShop) -> Response:
    """For browsers that request it without having read a page."""
    return _file(shop.assets.named("favicon.svg"), ONE_DAY)


@router.get("/apple-touch-icon.png")
async def touch_icon(shop: CurrentShop) -> Response:
    """For home screens, which do not take SVG."""
    return _file(shop.assets.named("apple-touch-icon.png"), ONE_DAY)


@router.get("/robots.txt")
async def robots() -> Response:
    headers = {"cache-control": ONE_DAY}
    return Response(ROBOTS, media_type="text/plain; charset=utf-8", headers=headers)


def _file(asset: Asset, cache_control: str) -> Response:
    headers = {"cache-control": cache_control}
    return Response(asset.content, media_type=asset.content_type, headers=headers)

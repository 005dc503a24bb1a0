"""What the routes ask for: the shop behind the pages, and the visit a request is part of."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request
from jinja2 import Environment

from app.client import Upstream
from app.process.lifecycle import Lifecycle
from services.storefront.clients import FORWARDED_FOR
from services.storefront.event_streams import EventStreams
from services.storefront.service import Storefront
from services.storefront.settings import StorefrontSettings
from services.storefront.token_refresher import TokenRefresher
from services.storefront.visit.address_draft import AddressDraft
from services.storefront.visit.carts import CartCount
from services.storefront.visit.flash_cookies import FlashCookies
from services.storefront.visit.form_token import FormToken
from services.storefront.visit.pages import Pages
from services.storefront.visit.posted_forms import PostedForms
from services.storefront.visit.seen_prices import SeenPrices
from services.storefront.visit.session import Session
from services.storefront.visit.visit import Visit
from services.storefront.web.assets import Assets
from services.storefront.web.cookies import CookieJar, Cookies
from services.storefront.web.forwarded_for import client_address


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything start-up made."""

    settings: StorefrontSettings
    storefront: Storefront
    token_refresher: TokenRefresher
    upstreams: Mapping[str, Upstream]
    event_streams: EventStreams
    templates: Environment
    assets: Assets
    cookies: Cookies


class State(TypedDict):
    """What the lifespan yields."""

    shop: Shop


def _state(request: Request) -> State:
    # `request.state` would cost 3 µs more.
    return cast(State, request.scope["state"])


async def _shop(request: Request) -> Shop:
    return _state(request)["shop"]


async def _lifecycle(request: Request) -> Lifecycle:
    return cast(Lifecycle, request.app.state.lifecycle)


CurrentShop = Annotated[Shop, Depends(_shop)]
CurrentLifecycle = Annotated[Lifecycle, Depends(_lifecycle)]


def client_address_of(request: Request, shop: Shop) -> str:
    """Where the shopper connects from: the user service counts attempts and guests by it."""
    return client_address(
        request.client.host if request.client else "",
        request.headers.getlist(FORWARDED_FOR),
        shop.settings.trusted_proxies,
    )


async def _visit(request: Request, shop: CurrentShop) -> Visit:
    address = client_address_of(request, shop)
    path = cast(str, request.scope["path"])
    public_origin = shop.settings.public_origin
    jar = CookieJar(request, shop.cookies)
    flash = FlashCookies(jar, path=path)
    form_token = FormToken(jar)
    session = Session(
        jar,
        form_token=form_token,
        users=shop.storefront.users,
        token_refresher=shop.token_refresher,
        client_address=address,
    )
    cart_count = CartCount(session, shop.storefront)
    forms = PostedForms(
        request, form_token=form_token, session=session, public_origin=public_origin
    )
    pages = Pages(
        shop.templates,
        path=path,
        origin=public_origin or "",
        jar=jar,
        session=session,
        form_token=form_token,
        flash=flash,
        cart_count=cart_count,
    )
    return Visit(
        session=session,
        form_token=form_token,
        forms=forms,
        flash=flash,
        seen_prices=SeenPrices(jar),
        address_draft=AddressDraft(jar),
        cart_count=cart_count,
        pages=pages,
        jar=jar,
        accept=request.headers.get("accept", ""),
        client_address=address,
    )


CurrentVisit = Annotated[Visit, Depends(_visit)]


async def _page_visit(visit: CurrentVisit) -> AsyncIterator[Visit]:
    visit.cart_count.start()
    try:
        yield visit
    finally:
        await visit.cart_count.close()


PageVisit = Annotated[Visit, Depends(_page_visit)]
"""A visit that reads the count of the cart while its page is made."""

"""Composition root of the storefront."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TypedDict

import httpx2
from fastapi import FastAPI, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.client import Upstream
from app.factory import create_app
from app.process.health import Health
from app.request.admission import Priority
from app.request.media_types import FORM, JSON
from app.settings import load
from app.telemetry.metrics import Metrics
from services.storefront.clients import Carts, Orders, Products, RenewedElsewhere, Users
from services.storefront.dependencies import Shop
from services.storefront.routes import (
    account,
    api,
    assets,
    cart,
    catalogue,
    checkout,
    orders,
    profile,
)
from services.storefront.service import Storefront
from services.storefront.settings import StorefrontSettings
from services.storefront.streams import Streams
from services.storefront.token_refresher import TokenRefresher
from services.storefront.web.assets import Assets
from services.storefront.web.compression import CompressedPages
from services.storefront.web.cookies import Cookies
from services.storefront.web.error_pages import ErrorPages
from services.storefront.web.page_retry import same_page_again
from services.storefront.web.security import SecurityHeaders

HERE = Path(__file__).parent

# Who only looks around is sent away first, who is about to pay last.
PRIORITIES = {
    "GET /": Priority.LOW,
    "GET /search": Priority.LOW,
    "GET /categories/{slug}": Priority.LOW,
    "GET /products/{sku}": Priority.LOW,
    "GET /products/{sku}/image.svg": Priority.LOW,
    "GET /checkout": Priority.HIGH,
    "POST /checkout": Priority.HIGH,
    "POST /login": Priority.HIGH,
    "POST /register": Priority.HIGH,
}


class State(TypedDict):
    shop: Shop


def create() -> FastAPI:
    """The storefront as the environment describes it. Raises `SettingsError`."""
    return build(load(StorefrontSettings))


def build(
    settings: StorefrontSettings,
    *,
    transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
) -> FastAPI:
    """The storefront. ``transports`` replaces the network to the neighbours named, for tests."""
    metrics = Metrics("storefront", version=settings.version)
    static = _static_files()
    templates = _templates()
    event_streams = metrics.gauge(
        "storefront_event_streams", "How many event streams are passed on right now?"
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            upstreams = {
                name: await stack.enter_async_context(
                    Upstream(
                        name,
                        url,
                        metrics=metrics,
                        # Only who counts tries by address has to know who says it.
                        service_tokens=settings.service_tokens if name == "user" else (),
                        timeout=settings.browse_timeout,
                        transport=(transports or {}).get(name),
                    )
                )
                for name, url in _neighbours(settings).items()
            }
            users = Users(upstreams["user"])
            storefront = Storefront(
                products=Products(upstreams["products"]),
                carts=Carts(upstreams["cart"]),
                users=users,
                orders=Orders(upstreams["tracking"]),
                metrics=metrics,
                browse_timeout=settings.browse_timeout,
            )
            shop = Shop(
                settings=settings,
                storefront=storefront,
                token_refresher=TokenRefresher(users),
                upstreams=upstreams,
                streams=Streams(
                    per_account=settings.events_per_account,
                    limit=settings.events_limit,
                    count=event_streams,
                ),
                templates=templates,
                assets=static,
                cookies=Cookies(https=settings.https),
            )
            yield State(shop=shop)

    app = create_app(
        settings,
        service="storefront",
        description="The shop's pages, and its APIs under one origin at `/api/<service>/v1/…`.",
        metrics=metrics,
        health=Health(),
        lifespan=lifespan,
        routers=[
            catalogue.router,
            cart.router,
            account.router,
            profile.router,
            checkout.router,
            orders.router,
            assets.router,
            api.router,
        ],
        priorities=PRIORITIES,
        accepted=(JSON, FORM),
        public=True,
    )
    app.add_exception_handler(RenewedElsewhere, _on_renewed_elsewhere)
    app.add_middleware(ErrorPages, render=templates.get_template("error.html").render)
    app.add_middleware(SecurityHeaders, https=settings.https)
    app.add_middleware(CompressedPages)
    return app


async def _on_renewed_elsewhere(request: Request, _: Exception) -> Response:
    shop: Shop = request.state.shop
    return await same_page_again(request, shop.cookies)


def _neighbours(settings: StorefrontSettings) -> Mapping[str, str]:
    return {
        "products": settings.products_url,
        "cart": settings.cart_url,
        "user": settings.user_url,
        "tracking": settings.tracking_url,
    }


@cache
def _static_files() -> Assets:
    return Assets(HERE / "static")


@cache
def _templates() -> Environment:
    """One for all apps of a process: the environment keeps what it compiled."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = _static_files().url
    return environment

"""Builds the storefront service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from fastapi import FastAPI, Request, Response
from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from app.client import Transport, Upstream
from app.factory import create_app
from app.process.health import Health
from app.request.admission import Priority
from app.request.media_types import FORM, JSON
from app.request.shedding import Refusals
from app.settings import load
from app.telemetry.cells import Gauge
from app.telemetry.metrics import Metrics
from services.storefront.clients import Carts, Orders, Products, RefreshedElsewhere, Users
from services.storefront.dependencies import Shop, State
from services.storefront.event_streams import EventStreams
from services.storefront.models import MAX_QUANTITY
from services.storefront.routes import (
    account,
    api,
    assets,
    cart,
    catalogue,
    checkout,
    login,
    orders,
)
from services.storefront.service import Storefront
from services.storefront.settings import StorefrontSettings
from services.storefront.token_refresher import TokenRefresher
from services.storefront.web.assets import Assets
from services.storefront.web.compression import CompressedPages
from services.storefront.web.cookies import Cookies
from services.storefront.web.error_pages import ErrorPages, OverloadPages
from services.storefront.web.page_retry import redirect_to_same_page
from services.storefront.web.security_headers import SecurityHeaders, security_headers

HERE = Path(__file__).parent
MAX_REMEMBERED = 256
"""Fragments of pages of one kind: a card is less than 1 kB."""

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
"""Under load, browsing is rejected before checkout."""


def create() -> FastAPI:
    """The service as the environment configures it. Raises `SettingsError`."""
    return build(load(StorefrontSettings))


def build(
    settings: StorefrontSettings,
    *,
    transports: Mapping[str, Transport] = MappingProxyType({}),
) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins.

    ``transports`` replace the network to the upstreams of these names.
    """
    metrics = Metrics("storefront", version=settings.version)
    health = Health()
    event_streams = metrics.gauge(
        "storefront_event_streams", "How many event streams are passed on right now?"
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with _open_upstreams(settings, metrics, transports) as upstreams:
            yield State(shop=_shop(settings, metrics, upstreams, event_streams))

    app = create_app(
        settings,
        service="storefront",
        description="The shop's pages, and its APIs under one origin at `/api/<service>/v1/…`.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[
            catalogue.router,
            cart.router,
            login.router,
            account.router,
            checkout.router,
            orders.router,
            assets.router,
            api.router,
        ],
        priorities=PRIORITIES,
        accepted=(JSON, FORM),
        public=True,
        refusals=Refusals(
            headers=security_headers(https=settings.https),
            page_for=OverloadPages(error_page().render),
        ),
    )
    app.add_exception_handler(RefreshedElsewhere, _on_refreshed_elsewhere)
    app.add_middleware(ErrorPages, render=error_page().render)
    app.add_middleware(SecurityHeaders, https=settings.https)
    app.add_middleware(CompressedPages)
    return app


@asynccontextmanager
async def _open_upstreams(
    settings: StorefrontSettings, metrics: Metrics, transports: Mapping[str, Transport]
) -> AsyncIterator[Mapping[str, Upstream]]:
    urls = {
        "products": settings.products_url,
        "cart": settings.cart_url,
        "user": settings.user_url,
        "tracking": settings.tracking_url,
    }
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                Upstream(
                    name,
                    url,
                    metrics=metrics,
                    # Only user, which limits attempts by address, has to trust this service.
                    service_tokens=settings.service_tokens if name == "user" else (),
                    timeout=settings.browse_timeout,
                    transport=transports.get(name),
                )
            )
            for name, url in urls.items()
        }


def _shop(
    settings: StorefrontSettings,
    metrics: Metrics,
    upstreams: Mapping[str, Upstream],
    event_streams: Gauge,
) -> Shop:
    users = Users(upstreams["user"])
    return Shop(
        settings=settings,
        storefront=Storefront(
            products=Products(upstreams["products"]),
            carts=Carts(upstreams["cart"]),
            users=users,
            orders=Orders(upstreams["tracking"]),
            metrics=metrics,
            browse_timeout=settings.browse_timeout,
        ),
        token_refresher=TokenRefresher(users),
        upstreams=upstreams,
        event_streams=EventStreams(
            per_account=settings.events_per_account,
            limit=settings.events_limit,
            count=event_streams,
        ),
        templates=_templates(),
        assets=_static_files(),
        cookies=Cookies(https=settings.https),
    )


async def _on_refreshed_elsewhere(request: Request, _: Exception) -> Response:
    shop: Shop = request.state.shop
    return await redirect_to_same_page(request, shop.cookies)


@cache
def _static_files() -> Assets:
    return Assets(HERE / "static")


def _template_loader() -> FunctionLoader:
    """All files are read now: a process without free descriptors can still render each page."""
    sources = {
        path.name: (path.read_text("utf-8"), str(path), None)
        for path in (HERE / "templates").iterdir()
    }
    return FunctionLoader(sources.get)


def error_page() -> Template:
    return _templates().get_template("error.html")


@cache
def _templates() -> Environment:
    """Shared by all apps of a process, because it caches compiled templates."""
    environment = Environment(
        loader=_template_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"asset": _static_files().url, "max_quantity": MAX_QUANTITY}
    # Drawing wheels and cards anew took half the time of a page.
    remembered = environment.get_template("remembered.html").module
    for name in ("wheel", "penny_farthing", "product_card"):
        environment.globals[name] = lru_cache(MAX_REMEMBERED)(getattr(remembered, name))
    return environment

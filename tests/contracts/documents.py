"""The OpenAPI documents of the five services, without starting them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from services.cart import main as cart
from services.cart.settings import CartSettings
from services.products import main as products
from services.products.settings import ProductsSettings
from services.storefront import main as storefront
from services.storefront.settings import StorefrontSettings
from services.tracking import main as tracking
from services.tracking.settings import TrackingSettings
from services.user import main as user
from services.user.settings import UserSettings

STORE = "sqlite:///none.sqlite3"
TOKENS = (SecretStr("a token"),)


def build(service: str, *, store: str = STORE) -> FastAPI:
    """A new app of the service, not opened."""
    match service:
        case "products":
            return products.build(ProductsSettings(store_url=store, service_tokens=TOKENS))
        case "cart":
            return cart.build(CartSettings(store_url=store, service_tokens=TOKENS))
        case "user":
            return user.build(UserSettings(store_url=store, service_tokens=TOKENS))
        case "tracking":
            return tracking.build(TrackingSettings(store_url=store, service_tokens=TOKENS))
        case _:
            return storefront.build(StorefrontSettings(service_tokens=TOKENS))


@cache
def app_of(service: str) -> FastAPI:
    """The service's app, built once and not opened."""
    return build(service)


def document_of(service: str) -> Mapping[str, Any]:
    """Its OpenAPI document."""
    return app_of(service).openapi()

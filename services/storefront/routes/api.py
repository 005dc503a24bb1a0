"""The services' APIs for programs, under the shop's own origin.

Every request goes to the least busy replica. Headers of one connection, the shop's cookies, and
headers that only services may send are not forwarded; the caller's bearer token is.
"""

import re
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response

from app.errors import NotFound
from services.storefront.clients import FORWARDED_FOR
from services.storefront.dependencies import CurrentLifecycle, CurrentShop, client_address_of
from services.storefront.event_streams import relay_events

router = APIRouter(prefix="/api", tags=["api"])

FORWARDED_HEADERS = frozenset(
    {"accept", "accept-language", "authorization", "content-type", "idempotency-key"}
    | {"if-match", "if-modified-since", "if-none-match", "last-event-id"}
)
DROPPED_HEADERS = frozenset({"content-length", "date", "server", "set-cookie", "x-request-id"})
DOCUMENTATION = ("/docs", "/openapi.json")
PUBLIC_PATHS = ("/v1/", "/.well-known/")
# Where `user` counts attempts by client address. Only these requests carry our service token, as it
# would open what is for services only.
COUNTED_BY_ADDRESS = frozenset({"/v1/guests", "/v1/users", "/v1/users/me", "/v1/sessions"})
# By path and not by what the caller accepts: curl and many clients accept anything.
ORDER_EVENTS = re.compile(r"/v1/orders/[^/]+/events")

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "What the service answers; its own `openapi.json` says what."}
}


class Service(StrEnum):
    PRODUCTS = "products"
    CART = "cart"
    USER = "user"
    TRACKING = "tracking"


async def forward(
    service: Service, path: str, request: Request, shop: CurrentShop, lifecycle: CurrentLifecycle
) -> Response:
    """Send the same request to the service, and return its response."""
    service_path = _raw_path(request, service)
    headers = {name: request.headers[name] for name in FORWARDED_HEADERS if name in request.headers}
    upstream = shop.upstreams[service]
    query = request.scope["query_string"].decode("ascii")
    target = f"{service_path}?{query}" if query else service_path
    if (
        request.method == "GET"
        and service is Service.TRACKING
        and ORDER_EVENTS.fullmatch(service_path)
    ):
        return await relay_events(
            upstream,
            target,
            headers=headers,
            bearer=None,
            lifecycle=lifecycle,
            streams=shop.event_streams,
        )
    is_counted = service is Service.USER and service_path in COUNTED_BY_ADDRESS
    if is_counted:
        # It trusts this address because of our service token.
        headers[FORWARDED_FOR] = client_address_of(request, shop)
    response = await upstream.request(
        request.method,
        target,
        content=await request.body(),
        headers=headers,
        as_service=is_counted,
        timeout=shop.settings.checkout_timeout,
    )
    kept = {name: value for name, value in response.headers.items() if name not in DROPPED_HEADERS}
    return Response(response.content, response.status_code, kept)


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    router.add_api_route(
        "/{service}/{path:path}",
        forward,
        methods=[_method],
        responses=RESPONSES,
        operation_id=f"{_method.lower()}_api",
        response_class=Response,
    )


def _raw_path(request: Request, service: Service) -> str:
    """The path behind ``/api/<service>`` as it was sent: decoding it could change what it names.

    Only the service's public API and its documentation are available here.
    """
    raw: str = request.scope["raw_path"].decode("ascii").partition("?")[0]
    path = raw.removeprefix(f"/api/{service}")
    leaves_prefix = any(unquote(part) in (".", "..") for part in path.split("/"))
    is_public = path in DOCUMENTATION or path.startswith(PUBLIC_PATHS)
    if leaves_prefix or not is_public:
        raise NotFound("There is no such path in this API.")
    return path

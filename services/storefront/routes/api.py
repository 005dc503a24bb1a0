"""The neighbours' APIs for programs, under the shop's own origin.

Every request goes to the replica that has least to do. What belongs to one connection, the shop's
cookies, and what only services may say to one another stay behind; the caller's bearer goes along.
"""

import re
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response

from app.errors import NotFound
from services.storefront.clients import FORWARDED_FOR
from services.storefront.dependencies import CurrentLifecycle, CurrentShop, client_address
from services.storefront.streams import relayed_events

router = APIRouter(prefix="/api", tags=["api"])

PASSED_ON = frozenset(
    {"accept", "accept-language", "authorization", "content-type", "idempotency-key"}
    | {"if-match", "if-modified-since", "if-none-match", "last-event-id"}
)
KEPT_BACK = frozenset({"content-length", "date", "server", "set-cookie", "x-request-id"})
DESCRIPTIONS = ("/docs", "/openapi.json")
OPEN_PATHS = ("/v1/", "/.well-known/")
# Where `user` counts tries by address. Nowhere else does a stranger's request carry our service
# token: with it the request could ask what only services may.
COUNTED_BY_ADDRESS = frozenset({"/v1/guests", "/v1/users", "/v1/users/me", "/v1/sessions"})
# By its path and not by what the caller accepts: curl and many clients accept anything.
EVENTS = re.compile(r"/v1/orders/[^/]+/events")

ANSWERS: dict[int | str, dict[str, Any]] = {
    "default": {"description": "What the service answers; its own `openapi.json` says what."}
}


class Service(StrEnum):
    PRODUCTS = "products"
    CART = "cart"
    USER = "user"
    TRACKING = "tracking"


async def pass_on(
    service: Service, path: str, request: Request, shop: CurrentShop, lifecycle: CurrentLifecycle
) -> Response:
    """Ask the service the same, and answer what it answers."""
    wanted = _raw_path(request, service)
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    upstream = shop.upstreams[service]
    query = request.scope["query_string"].decode("ascii")
    target = f"{wanted}?{query}" if query else wanted
    if request.method == "GET" and service is Service.TRACKING and EVENTS.fullmatch(wanted):
        return await relayed_events(
            upstream,
            target,
            headers=headers,
            bearer=None,
            lifecycle=lifecycle,
            streams=shop.streams,
        )
    is_counted = service is Service.USER and wanted in COUNTED_BY_ADDRESS
    if is_counted:
        # It believes this address because our service token is shown with it.
        headers[FORWARDED_FOR] = client_address(request, shop)
    answer = await upstream.request(
        request.method,
        target,
        content=await request.body(),
        headers=headers,
        as_service=is_counted,
        timeout=shop.settings.checkout_timeout,
    )
    kept = {name: value for name, value in answer.headers.items() if name not in KEPT_BACK}
    return Response(answer.content, answer.status_code, kept)


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    router.add_api_route(
        "/{service}/{path:path}",
        pass_on,
        methods=[_method],
        responses=ANSWERS,
        operation_id=f"{_method.lower()}_api",
        response_class=Response,
    )


def _raw_path(request: Request, service: Service) -> str:
    """The path behind ``/api/<service>`` as it was sent: decoding it could change what it names.

    Only the service's public API and its description are to be had here.
    """
    raw: str = request.scope["raw_path"].decode("ascii").partition("?")[0]
    path = raw.removeprefix(f"/api/{service}")
    steps_out = any(unquote(part) in (".", "..") for part in path.split("/"))
    public = path in DESCRIPTIONS or path.startswith(OPEN_PATHS)
    if steps_out or not public:
        raise NotFound("There is no such path in this API.")
    return path

"""Dependencies of the routes."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Request

from app.errors import IDEMPOTENCY_KEY, Unauthenticated, UnprocessablePayload
from app.identity import Identity, TokenVerifier, require_role
from app.request.idempotency import Key
from services.cart.models import MAX_IDEMPOTENCY_KEYS, MergeRequest
from services.cart.service import CartService


class State(TypedDict):
    """What the lifespan yields."""

    carts: CartService
    verifier: TokenVerifier


def _state(request: Request) -> State:
    # `request.state` would cost 3 µs more.
    return cast(State, request.scope["state"])


async def _cart_service(request: Request) -> CartService:
    return _state(request)["carts"]


async def _guest_identity(request: Request, merge: MergeRequest) -> Identity:
    verifier = _state(request)["verifier"]
    try:
        identity = await verifier.verify(merge.guest_token)
    except Unauthenticated as error:
        raise _not_a_guest() from error
    if "guest" not in identity.roles:
        raise _not_a_guest()
    return identity


def _not_a_guest() -> UnprocessablePayload:
    return UnprocessablePayload(
        "The guest cannot be recognised.",
        errors=[{"pointer": "/guest_token", "message": "not a valid guest's access token"}],
    )


Carts = Annotated[CartService, Depends(_cart_service)]
CurrentUser = Annotated[Identity, Depends(require_role("user"))]
"""The caller, who must have an account."""
GuestIdentity = Annotated[Identity, Depends(_guest_identity)]
"""The guest whose access token is in the request body."""
# A plain header: a dependency would cost the busiest route more.
IdempotencyKey = Annotated[
    Key | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        description="Identifies this add: 1 to 255 visible ASCII characters. A request with the "
        "same key and body within 15 minutes adds nothing and returns the current cart. "
        f"The latest {MAX_IDEMPOTENCY_KEYS} keys of a shopper are remembered.",
    ),
]

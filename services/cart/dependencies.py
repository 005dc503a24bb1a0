"""What the routes ask for, by its name in the shop."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Request

from app.errors import IDEMPOTENCY_KEY, Unauthenticated, UnprocessablePayload
from app.identity import CurrentIdentity, Identity, TokenVerifier, require_role
from app.request.idempotency import Key
from services.cart.models import GuestMerge
from services.cart.service import CartService


class State(TypedDict):
    """What start-up creates and requests use."""

    carts: CartService
    verifier: TokenVerifier


async def _carts(request: Request) -> CartService:
    return cast(CartService, request.state.carts)


async def _guest(request: Request, merge: GuestMerge) -> Identity:
    """Whose cart the body's token opens; the caller's own token is another matter."""
    verifier = cast(TokenVerifier, request.state.verifier)
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


Carts = Annotated[CartService, Depends(_carts)]
Shopper = CurrentIdentity
"""Whoever the caller's token speaks for, a guest or a user: each subject has one cart."""
Customer = Annotated[Identity, Depends(require_role("user"))]
"""A caller with an account."""
Guest = Annotated[Identity, Depends(_guest)]
"""Whoever the guest's token in the body speaks for."""
# No dependency: the hottest route pays for each one it has.
IdempotencyKey = Annotated[
    Key | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        description="A name for this one add, 1 to 255 visible ASCII characters. "
        "Sent again with the same body within 15 minutes, it adds nothing more and answers the "
        "cart as it is by then. The latest 64 keys of a shopper are remembered.",
    ),
]

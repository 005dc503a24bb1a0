"""What the routes ask for, by its name in the shop."""

import re
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Request

from app.auth import CurrentIdentity, Identity, TokenVerifier, require_role
from app.errors import BadRequest, Unauthenticated, UnprocessablePayload
from services.cart.models import GuestMerge
from services.cart.service import CartService

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class State(TypedDict):
    """What start-up creates and requests use."""

    carts: CartService
    verifier: TokenVerifier


async def _carts(request: Request) -> CartService:
    return cast(CartService, request.state.carts)


async def _shopper(identity: CurrentIdentity) -> str:
    return identity.subject


async def _customer(identity: Annotated[Identity, Depends(require_role("user"))]) -> str:
    return identity.subject


async def _guest(request: Request, merge: GuestMerge) -> str:
    """Whose cart the body's token opens; the caller's own token is another matter."""
    verifier = cast(TokenVerifier, request.state.verifier)
    try:
        identity = await verifier.verify(merge.guest_token)
    except Unauthenticated as error:
        raise _not_a_guest() from error
    if "guest" not in identity.roles:
        raise _not_a_guest()
    return identity.subject


def _not_a_guest() -> UnprocessablePayload:
    return UnprocessablePayload(
        "The guest cannot be recognised.",
        errors=[{"pointer": "/guest_token", "message": "not a valid guest's access token"}],
    )


async def _idempotency_key(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="A name for this one add, 1 to 255 visible ASCII characters. "
            "Sent again with the same body within 24 hours, it adds nothing more.",
        ),
    ] = None,
) -> str | None:
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key must be 1 to 255 visible ASCII characters.")
    return key


Carts = Annotated[CartService, Depends(_carts)]
Shopper = Annotated[str, Depends(_shopper)]
"""The subject of the caller's token: a guest or a user, each with one cart."""
Customer = Annotated[str, Depends(_customer)]
"""The subject of a caller with an account."""
Guest = Annotated[str, Depends(_guest)]
"""The subject of the guest's token in the body."""
IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]

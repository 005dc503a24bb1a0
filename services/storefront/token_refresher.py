"""Exchanges the refresh token of a session, once for all requests that bring it."""

import hashlib
import time
from collections.abc import Callable
from functools import partial

from app.cache import Cache
from services.storefront.clients import Users
from services.storefront.models import Tokens

KEEP_FOR = 30.0
"""Seconds the new tokens are kept, for the other requests that bring the old refresh token."""
MAX_KEPT = 1024


class TokenRefresher:
    """Exchanges refresh tokens, each once, however many requests of a browser bring it.

    A refresh token is good for one exchange. A browser that opens two tabs after a quarter of
    an hour sends the same one twice, so the second is given what the first one got.
    """

    def __init__(self, users: Users, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._users = users
        self._tokens = Cache[bytes, Tokens](
            fresh_for=KEEP_FOR, jitter=0.0, max_entries=MAX_KEPT, clock=clock
        )

    async def refresh(self, refresh_token: str) -> Tokens:
        """The new tokens of the session.

        Raises `SignedOut` when the session is over, `UpstreamError` when the user service does
        not respond, and `RefreshedElsewhere` when another replica exchanged the token.
        """
        # The digest, so that a dump of our memory does not show the old token.
        key = hashlib.sha256(refresh_token.encode()).digest()
        return await self._tokens.get(key, partial(self._users.refresh, refresh_token))

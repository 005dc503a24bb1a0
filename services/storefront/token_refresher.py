"""Exchanges the refresh token of a session, once for all requests that bring it."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

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
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, asyncio.Task[Tokens]]] = OrderedDict()

    async def refresh(self, refresh_token: str) -> Tokens:
        """The new tokens of the session.

        Raises `SignedOut` when the session is over, `UpstreamError` when the user service does
        not respond, and `RenewedElsewhere` when another replica exchanged the token.
        """
        self._forget_old()
        key = hashlib.sha256(refresh_token.encode()).digest()
        if key not in self._known:
            task = asyncio.create_task(self._users.refresh(refresh_token))
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            self._known[key] = (self._clock() + KEEP_FOR, task)
        # Shielded: a request that is cancelled must not cancel the exchange of the others.
        return await asyncio.shield(self._known[key][1])

    def _forget_old(self) -> None:
        while self._known:
            ends_at, _ = next(iter(self._known.values()))
            if ends_at > self._clock() and len(self._known) < MAX_KEPT:
                return
            self._known.popitem(last=False)

    def _forget_failed(self, key: bytes, task: asyncio.Task[Tokens]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._known.pop(key, None)

"""A verifier with the server that publishes its keys."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from app.client import Upstream
from app.errors import Unauthenticated
from app.identity import JwksClient, TokenVerifier
from app.telemetry.metrics import Metrics
from tests.app.clocks import Clock
from tests.support.identity import AUDIENCE, ISSUER, Signer, publish_keys
from tests.support.network import FakeNetwork

SIGNER = Signer()


class KeyServer:
    """The neighbour that publishes keys: counts how often it is asked, can be down."""

    def __init__(self, *signers: Signer) -> None:
        self.signers = signers
        self.asked = 0
        self.down = False
        self.free = asyncio.Event()
        """Cleared: it keeps whoever asks waiting."""
        self.free.set()
        self.reached = asyncio.Event()

    def transport(self) -> FakeNetwork:
        return FakeNetwork(self._publish)

    async def _publish(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        self.reached.set()
        await self.free.wait()
        if self.down:
            raise httpx2.ConnectError("refused")
        return publish_keys(*self.signers)(request)


@asynccontextmanager
async def verifier(
    server: KeyServer | None = None, *, clock: Clock | None = None, wall_clock: Clock | None = None
) -> AsyncIterator[TokenVerifier]:
    server = server or KeyServer(SIGNER)
    async with Upstream(
        "user", "http://user", metrics=Metrics("cart"), transport=server.transport()
    ) as jwks:
        monotonic = clock or time.monotonic
        yield TokenVerifier(
            JwksClient(jwks, clock=monotonic),
            issuer=ISSUER,
            audience=AUDIENCE,
            clock=monotonic,
            wall_clock=wall_clock or time.time,
        )


async def is_good(verify: TokenVerifier, token: str) -> bool:
    """Whether the token, which is user_1's, is not refused."""
    try:
        identity = await verify.verify(token)
    except Unauthenticated:
        return False
    assert identity.subject == "user_1"
    return True

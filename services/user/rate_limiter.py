"""Limits how often passwords are tried, accounts are made and guests are welcomed.

Attempts are counted in the store, so that all replicas count together, and before the password
is checked, so that parallel guesses count too. A successful login takes its attempt back.

Unknown clients share one small bucket for an account, and one for all accounts at their address.
An address from which an account has been logged in to before has a bucket of its own for that
account. So guessing, from elsewhere or from the same address, does not lock out the owner.
"""

import hashlib
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import TooManyRequests
from app.stores.clock import Clock
from services.user.repository import Bucket, RateLimit, RateLimitRepository

KNOWN_CLIENT_MS = 180 * 24 * 60 * 60 * 1000
"""How long a client is remembered after a login."""


class TooManyAttempts(TooManyRequests):
    """The caller has used up a limit."""

    type = "too-many-attempts"
    title = "Too many attempts"

    @classmethod
    def until(cls, wait_ms: int) -> "TooManyAttempts":
        """The error for a caller who has to wait that long."""
        seconds = max(1, math.ceil(wait_ms / 1000))
        return cls("Too many attempts; wait a moment.", retry_after=seconds)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits for one account, and for one address over all accounts."""

    account: RateLimit
    failures_of_address: RateLimit
    registrations_of_address: RateLimit
    guests_of_address: RateLimit


@dataclass(frozen=True, slots=True)
class PasswordAttempt:
    """A password attempt that was allowed and counted.

    ``wait_ms`` is not 0 when the address has used up its failures. Only a known client may then
    try a password, and if it is wrong, has to wait that long.
    """

    buckets: Sequence[Bucket]
    client: str
    wait_ms: int = 0


class RateLimiter:
    """Counts attempts. ``address`` is the caller's IP address."""

    def __init__(
        self, repository: RateLimitRepository, *, limits: RateLimits, clock: Clock
    ) -> None:
        self._repository = repository
        self._limits = limits
        self._clock = clock

    async def count_password_attempt(self, email: str, address: str) -> PasswordAttempt:
        """Count an attempt at this account's password. Raises `TooManyAttempts`.

        It makes no difference whether the account exists.
        """
        network = network_of(address)
        client = _client(email, network)
        of_address = _bucket(self._limits.failures_of_address, "password", network)
        if not await self._repository.is_known_client(client, now=self._clock()):
            buckets = (of_address, _bucket(self._limits.account, "account", email))
            await self._consume(buckets)
            return PasswordAttempt(buckets, client)
        return await self._count_known_client(email, network, client, of_address)

    async def refund(self, attempt: PasswordAttempt) -> None:
        """Take the attempt back, and remember the client: the password was right."""
        await self._repository.refund(attempt.buckets)
        await self._remember(attempt.client)

    async def remember_client(self, email: str, address: str) -> None:
        """Remember that the account was made from this address."""
        await self._remember(_client(email, network_of(address)))

    async def count_registration(self, email: str, address: str) -> None:
        """Count an attempt to make an account. Raises `TooManyAttempts`."""
        limits = self._limits
        of_address = _bucket(limits.registrations_of_address, "registration", network_of(address))
        of_email = _bucket(limits.account, "registration of", email)
        await self._consume((of_address, of_email))

    async def count_guest(self, address: str) -> None:
        """Count a new guest. Raises `TooManyAttempts`."""
        await self._consume(
            (_bucket(self._limits.guests_of_address, "guest", network_of(address)),)
        )

    async def _count_known_client(
        self, email: str, network: str, client: str, of_address: Bucket
    ) -> PasswordAttempt:
        of_client = _bucket(self._limits.account, "account", email, network)
        now = self._clock()
        address_wait = await self._repository.consume((of_address,), now=now)
        client_wait = await self._repository.consume((of_client,), now=now)
        if client_wait:
            # The wait of the address, if there is one, so that it does not show a known client.
            raise TooManyAttempts.until(address_wait or client_wait)
        buckets = (of_client,) if address_wait else (of_address, of_client)
        return PasswordAttempt(buckets, client, address_wait)

    async def _remember(self, client: str) -> None:
        await self._repository.remember_client(client, until=self._clock() + KNOWN_CLIENT_MS)

    async def _consume(self, buckets: Sequence[Bucket]) -> None:
        wait_ms = await self._repository.consume(buckets, now=self._clock())
        if wait_ms > 0:
            raise TooManyAttempts.until(wait_ms)


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 network of an IPv6 customer."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def hashed_key(*parts: str) -> str:
    """A key that does not reveal its parts: e-mail and IP addresses are personal data."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def _bucket(limit: RateLimit, *parts: str) -> Bucket:
    return Bucket(hashed_key(*parts), limit)


def _client(email: str, network: str) -> str:
    """The key of an account together with the network of its client."""
    return hashed_key("client", email, network)

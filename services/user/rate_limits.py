"""How often somebody may try a password, make an account or become a guest.

Attempts are counted in the store, so that all replicas count together, and before the password
is looked at, so that parallel guesses count too. A log-in that succeeds takes its attempt back.

Strangers share one small budget for an account, and one for all accounts at their address. An
address from which somebody has logged in to an account before has a budget of its own for it,
which what others do at that address does not touch: whoever guesses, for however long and from
wherever, does not keep the owner out.
"""

import hashlib
import ipaddress
import math
from dataclasses import dataclass

from app.errors import TooManyRequests

MINUTE = 60_000
"""Milliseconds."""
KNOWN_FOR = 180 * 24 * 60 * MINUTE
"""How long an address is remembered after a log-in, in milliseconds."""


class TooManyAttempts(TooManyRequests):
    """Somebody tried too often in the last minute."""

    type = "too-many-attempts"
    title = "Too many attempts"


@dataclass(frozen=True, slots=True)
class Limit:
    """``attempts`` a minute on average, and as many in a row, or ``in_a_row`` if that is given."""

    attempts: int
    in_a_row: int = 0

    @property
    def interval(self) -> int:
        """Milliseconds until one more attempt is allowed."""
        return MINUTE // self.attempts

    @property
    def burst(self) -> int:
        """How far, in milliseconds, attempts may run ahead of the average."""
        return self.interval * ((self.in_a_row or self.attempts) - 1)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit for one thing. The key tells nobody what: addresses are personal data."""

    key: str
    limit: Limit

    @classmethod
    def of(cls, limit: Limit, *parts: str) -> "Budget":
        return cls(hidden(*parts), limit)


def hidden(*parts: str) -> str:
    """A key that says nothing about its parts to who reads the store in passing."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def network_of(address: str) -> str:
    """What is counted as one caller: an IPv4 address, or the /64 one IPv6 customer gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def refusal(wait: int) -> TooManyAttempts:
    """The answer to who has to wait that many milliseconds."""
    seconds = max(1, math.ceil(wait / 1000))
    return TooManyAttempts("Too many attempts; wait a moment.", retry_after=seconds)

"""Passwords: what they may look like, and hashing them without stalling the service.

One Argon2id hash costs 19 MiB and some 20 ms of a core, on purpose. Two threads do nothing
else; a short line waits for them, and who finds the line full is sent away at once. A flood
of log-ins so costs at most two cores and leaves the event loop to everybody else.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Gauge

from app.errors import Unavailable

T = TypeVar("T")

SHORTEST = 8
LONGEST = 256
HASHING_THREADS = 2
# What OWASP asks of Argon2id at the least.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# A hash of nothing anybody can type, with the parameters above: checking against it takes
# as long as checking against a real one.
NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$H4mem7pZoYmrT1KVaUvLYg"
    "$oRiVPje4QvUc1pPfibahfHyIIM2VKMYp9rgBPZPO6KI"
)


class PasswordsBusy(Unavailable):
    """Too many passwords are being checked already."""

    type = "passwords-busy"
    title = "Too many are logging in"


def canonical_password(password: str) -> str:
    """The same password however it was typed (Unicode NFKC). Raises ValueError, without it.

    Any character counts but control characters: no keyboard types them, and NUL ends strings
    in too many libraries.
    """
    canonical = unicodedata.normalize("NFKC", password)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in canonical):
        raise ValueError("must not contain control characters")
    if len(canonical) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    return canonical


def acceptable_password(password: str) -> str:
    """`canonical_password`, long enough to be somebody's new one. Raises ValueError."""
    canonical = canonical_password(password)
    if len(canonical) < SHORTEST:
        raise ValueError(f"must have at least {SHORTEST} characters")
    return canonical


class PasswordHashes:
    """Makes and checks hashes in its own threads; an async context manager.

    ``longest_line`` is how many may wait; ``waiting`` is the gauge that shows them.
    """

    def __init__(self, *, longest_line: int, waiting: Gauge) -> None:
        self._longest_line = longest_line
        self._waiting = waiting
        self._unfinished = 0
        self._took = 0.02
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="argon2")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def make(self, password: str) -> str:
        """Raises `PasswordsBusy`."""
        return await self._run(lambda: HASHER.hash(password))

    async def check(self, password: str, password_hash: str | None) -> bool:
        """Is it the password? None, for an unknown account, takes just as long and is no.

        Raises `PasswordsBusy`.
        """
        matches = await self._run(lambda: _matches(password_hash or NOBODYS_HASH, password))
        return matches and password_hash is not None

    async def pretend(self) -> None:
        """Take as long as a check does these days, and nobody's core."""
        await asyncio.sleep(self._took)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._unfinished >= HASHING_THREADS + self._longest_line:
            raise PasswordsBusy("Too many people are logging in; try again in a moment.")
        self._count(+1)
        loop = asyncio.get_running_loop()
        started = loop.time()
        job = self._threads.submit(work)
        # Counted down when the thread is done, not when the caller stops waiting: a caller
        # who hangs up frees no thread.
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._count, -1))
        result = await asyncio.wrap_future(job)
        self._took = loop.time() - started
        return result

    def _count(self, change: int) -> None:
        self._unfinished += change
        self._waiting.set(max(0, self._unfinished - HASHING_THREADS))


def _matches(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False

"""Passwords: which are valid, and hashing them without blocking the event loop.

One Argon2id hash costs 19 MiB and some 20 ms of a core, on purpose. Two threads do nothing else,
and a bounded number of requests may wait for them; the others are rejected at once. So a flood of
logins uses at most two cores.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import Unavailable
from app.telemetry.cells import Gauge

T = TypeVar("T")

MIN_LENGTH = 8
MAX_LENGTH = 256
HASHING_THREADS = 2
# The minimum that OWASP recommends for Argon2id.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Matches no password. It has the parameters above, so verifying it takes as long as a real one.
DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$H4mem7pZoYmrT1KVaUvLYg"
    "$oRiVPje4QvUc1pPfibahfHyIIM2VKMYp9rgBPZPO6KI"
)


class PasswordsBusy(Unavailable):
    """Too many passwords are being hashed already."""

    type = "passwords-busy"
    title = "Too many are logging in"


def normalized_password(password: str) -> str:
    """The password in Unicode NFKC. Raises ValueError; the message does not contain it.

    Control characters are invalid: no keyboard types them, and NUL ends strings in many libraries.
    """
    normalized = unicodedata.normalize("NFKC", password)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in normalized):
        raise ValueError("must not contain control characters")
    if len(normalized) > MAX_LENGTH:
        raise ValueError(f"must have at most {MAX_LENGTH} characters")
    return normalized


def valid_new_password(password: str) -> str:
    """A `normalized_password` that is long enough for a new one. Raises ValueError."""
    normalized = normalized_password(password)
    if len(normalized) < MIN_LENGTH:
        raise ValueError(f"must have at least {MIN_LENGTH} characters")
    return normalized


class PasswordHasher:
    """Hashes and verifies passwords in its own threads; an async context manager.

    At most ``max_waiting`` requests wait for a thread; ``waiting`` is the gauge that counts them.
    """

    def __init__(self, *, max_waiting: int, waiting: Gauge) -> None:
        self._max_waiting = max_waiting
        self._waiting = waiting
        self._unfinished = 0
        self._last_duration = 0.02
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

    async def hash(self, password: str) -> str:
        """Raises `PasswordsBusy`."""
        return await self._run(lambda: HASHER.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password matches. None, for an unknown account, takes as long and never does.

        Raises `PasswordsBusy`.
        """
        matches = await self._run(lambda: _matches(password_hash or DUMMY_HASH, password))
        return matches and password_hash is not None

    async def simulate_verify(self) -> None:
        """Wait as long as the last hash took, without using a core."""
        await asyncio.sleep(self._last_duration)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._unfinished >= HASHING_THREADS + self._max_waiting:
            raise PasswordsBusy("Too many people are logging in; try again in a moment.")
        self._count(+1)
        loop = asyncio.get_running_loop()
        started = loop.time()
        job = self._threads.submit(work)
        # Counted down when the thread is done: a caller who stops waiting frees no thread.
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._count, -1))
        result = await asyncio.wrap_future(job)
        self._last_duration = loop.time() - started
        return result

    def _count(self, change: int) -> None:
        self._unfinished += change
        self._waiting.set(max(0, self._unfinished - HASHING_THREADS))


def _matches(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False

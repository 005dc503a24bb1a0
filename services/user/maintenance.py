"""What a replica does besides answering: the staff account at start-up, and tidying up."""

import asyncio
from collections.abc import Callable

from app.process.health import NotReady
from app.telemetry.logs import get_logger
from services.user.models import Registration
from services.user.repository import Attempts, Sessions
from services.user.service import AccountService

MAX_PAUSE = 2.0
TIDY_EVERY = 10 * 60.0
BATCH = 1000


class StaffAccount:
    """Sees to it, however long the store takes to come up, that the staff can log in.

    And again, should the store be another one some day: a file made anew, a backup put back.
    """

    def __init__(self, accounts: AccountService, registration: Registration | None) -> None:
        self._accounts = accounts
        self._registration = registration
        self._missing = asyncio.Event()
        self._missing.set()

    async def check(self) -> None:
        """For readiness: raises `NotReady` as long as the account is not there."""
        if self._registration is None:
            return
        if not self._missing.is_set() and not await self._accounts.has(self._registration.email):
            self._missing.set()
        if self._missing.is_set():
            raise NotReady("the staff account is not there yet")

    async def keep(self) -> None:
        """Make the account whenever it is missing; until cancelled."""
        if self._registration is None:
            return
        while True:
            await self._missing.wait()
            await self._make(self._registration)
            self._missing.clear()

    async def _make(self, registration: Registration) -> None:
        pause = 0.1
        while True:
            try:
                return await self._accounts.ensure_staff(registration)
            except Exception as error:
                # Whatever it was (no store, no tables yet), readiness tells and time may heal.
                get_logger().warning("staff_account_missing", reason=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)


async def tidy(sessions: Sessions, attempts: Attempts, *, clock: Callable[[], int]) -> None:
    """Forget, in small transactions, what time has made worthless. Raises `StoreUnavailable`."""
    while await sessions.purge(now=clock(), at_most=BATCH) == BATCH:
        pass
    while await attempts.purge(now=clock(), at_most=BATCH) >= BATCH:
        pass

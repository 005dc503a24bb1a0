"""Makes the configured staff account, in the background."""

import asyncio

from app.process.health import NotReady
from app.telemetry.logs import get_logger
from services.user.models import Registration
from services.user.service import AccountService

MAX_RETRY_DELAY = 2.0


class StaffAccountProvisioner:
    """Makes the staff account as soon as the store is available.

    And again if the account is missing later, because the store was made anew or restored.
    """

    def __init__(self, accounts: AccountService, registration: Registration | None) -> None:
        self._accounts = accounts
        self._registration = registration
        self._missing = asyncio.Event()
        self._missing.set()

    async def check(self) -> None:
        """The readiness check. Raises `NotReady` while the account does not exist."""
        if self._registration is None:
            return
        if not self._missing.is_set() and not await self._accounts.exists(self._registration.email):
            self._missing.set()
        if self._missing.is_set():
            raise NotReady("the staff account is not there yet")

    async def run(self) -> None:
        """Make the account whenever it is missing, until cancelled."""
        if self._registration is None:
            return
        while True:
            await self._missing.wait()
            await self._provision(self._registration)
            self._missing.clear()

    async def _provision(self, registration: Registration) -> None:
        delay = 0.1
        while True:
            try:
                return await self._accounts.ensure_staff_account(registration)
            except Exception as error:
                # Any error (no store, no tables yet) may pass; readiness shows it until then.
                get_logger().warning("staff_account_missing", reason=type(error).__name__)
                await asyncio.sleep(delay)
                delay = min(2 * delay, MAX_RETRY_DELAY)

"""Who may try again: the limits of `limits`, counted in the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.user.limits import KNOWN_FOR, Budget, Limit, hidden, network_of, refusal
from services.user.repository import Attempts


@dataclass(frozen=True, slots=True)
class Limits:
    """Attempts a minute: for one account, and for one address over all accounts."""

    account: Limit
    failures_of_address: Limit
    registrations_of_address: Limit
    guests_of_address: Limit


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try at a password that was let through and is counted."""

    budgets: Sequence[Budget]
    client: str


class Guard:
    """``address`` is the caller's, as far as we can trust what we know of it."""

    def __init__(self, attempts: Attempts, *, limits: Limits, clock: Callable[[], int]) -> None:
        self._attempts = attempts
        self._limits = limits
        self._clock = clock

    async def admit_password(self, email: str, address: str) -> Attempt:
        """Count a try at this account's password. Raises `TooManyAttempts`.

        It makes no difference whether there is such an account.
        """
        network = network_of(address)
        client = hidden("client", email, network)
        is_known = await self._attempts.is_known(client, now=self._clock())
        # Strangers share the account's budget; who logged in from here before has one apart.
        owner = (email, network) if is_known else (email,)
        budgets = (
            Budget.of(self._limits.failures_of_address, "password", network),
            Budget.of(self._limits.account, "account", *owner),
        )
        await self._spend(budgets)
        return Attempt(budgets, client)

    async def forgive(self, attempt: Attempt) -> None:
        """The password was right: take the try back, and know the address next time."""
        await self._attempts.give_back(attempt.budgets)
        await self._attempts.remember(attempt.client, until=self._clock() + KNOWN_FOR)

    async def admit_registration(self, email: str, address: str) -> None:
        """Count a try at making an account. Raises `TooManyAttempts`."""
        await self._spend(
            (
                Budget.of(
                    self._limits.registrations_of_address, "registration", network_of(address)
                ),
                Budget.of(self._limits.account, "registration of", email),
            )
        )

    async def admit_guest(self, address: str) -> None:
        """Count a new guest. Raises `TooManyAttempts`."""
        await self._spend(
            (Budget.of(self._limits.guests_of_address, "guest", network_of(address)),)
        )

    async def _spend(self, budgets: Sequence[Budget]) -> None:
        wait = await self._attempts.spend(budgets, now=self._clock())
        if wait > 0:
            raise refusal(wait)

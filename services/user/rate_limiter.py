"""Who may try again: the limits of `limits`, counted in the store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.user.rate_limits import KNOWN_FOR, Budget, Limit, hidden, network_of, refusal
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
    """A try at a password that was let through and is counted.

    ``wait`` is not 0 when the address has had its share of failures and only those who logged
    in from it before may go on: in milliseconds, for who turns out not to know the password.
    """

    budgets: Sequence[Budget]
    client: str
    wait: int = 0


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
        client = _client(email, network)
        of_address = Budget.of(self._limits.failures_of_address, "password", network)
        budgets: Sequence[Budget]
        if not await self._attempts.is_known(client, now=self._clock()):
            budgets = (of_address, Budget.of(self._limits.account, "account", email))
            await self._spend(budgets)
            return Attempt(budgets, client)
        # Strangers share the account's budget; who logged in from here before has one apart,
        # and is not kept out by what others guess at from the same address.
        of_owner = Budget.of(self._limits.account, "account", email, network)
        now = self._clock()
        address_wait = await self._attempts.spend((of_address,), now=now)
        owner_wait = await self._attempts.spend((of_owner,), now=now)
        if owner_wait:
            # The address's wait, if any: nobody shall tell from it that the owner is known.
            raise refusal(address_wait or owner_wait)
        budgets = (of_owner,) if address_wait else (of_address, of_owner)
        return Attempt(budgets, client, address_wait)

    async def forgive(self, attempt: Attempt) -> None:
        """The password was right: take the try back, and know the address next time."""
        await self._attempts.give_back(attempt.budgets)
        await self._remember(attempt.client)

    async def know(self, email: str, address: str) -> None:
        """Somebody has just made this account from there."""
        await self._remember(_client(email, network_of(address)))

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

    async def _remember(self, client: str) -> None:
        await self._attempts.remember(client, until=self._clock() + KNOWN_FOR)

    async def _spend(self, budgets: Sequence[Budget]) -> None:
        wait = await self._attempts.spend(budgets, now=self._clock())
        if wait > 0:
            raise refusal(wait)


def _client(email: str, network: str) -> str:
    """The key of an account together with where somebody logs in to it from."""
    return hidden("client", email, network)

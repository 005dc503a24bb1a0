"""Registers, changes and deletes accounts."""

import secrets
from collections.abc import Sequence

from app.errors import Forbidden, UnprocessablePayload
from app.identity import GUEST_PREFIX
from app.stores.clock import Clock
from services.user.metrics import UserMetrics
from services.user.models import Account, AccountChange, Deletion, Registration
from services.user.passwords import PasswordHasher
from services.user.rate_limiter import RateLimiter, TooManyAttempts
from services.user.repository import AccountRepository, EmailTaken
from services.user.service.sessions import session_over

DELETIONS_SETTLE_MS = 15_000
"""Longer than the store lets a transaction last."""


class AccountRequired(Forbidden):
    """The caller is a guest."""

    type = "account-required"
    title = "This needs an account"


class WrongPassword(Forbidden):
    """The session is valid, but the current password is not the account's."""

    type = "wrong-password"
    title = "Wrong password"


class AccountService:
    """Accounts and their owners."""

    def __init__(
        self,
        accounts: AccountRepository,
        *,
        passwords: PasswordHasher,
        rate_limiter: RateLimiter,
        metrics: UserMetrics,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._rate_limiter = rate_limiter
        self._metrics = metrics
        self._clock = clock

    async def register(self, registration: Registration, *, address: str) -> Account:
        """Make an account.

        An e-mail address that is taken costs as much time as one that is not. Raises
        `EmailTaken`, `TooManyAttempts`, `PasswordsBusy`.
        """
        await self._rate_limiter.count_registration(registration.email, address)
        account = await self._new_account(registration, staff=False)
        await self._accounts.add(account)
        await self._rate_limiter.remember_client(registration.email, address)
        self._metrics.registered.inc()
        return account

    async def of_session(self, subject: str, session_id: str | None) -> Account:
        """The account of a session that is not over.

        An access token stays valid for some minutes after logout; it no longer gives access to
        the account. Raises `AccountRequired` for guests, `SessionOver`.
        """
        if subject.startswith(GUEST_PREFIX):
            raise AccountRequired("Guests have no account: register or log in.")
        account = await self._accounts.by_session(subject, session_id or "", now=self._clock())
        if account is None:
            raise session_over()
        return account

    async def change(
        self, account: Account, change: AccountChange, *, session_id: str, address: str
    ) -> Account:
        """Change the given fields; a new password ends the account's other sessions.

        Raises `WrongPassword`, `EmailTaken`, `SessionOver`, `TooManyAttempts`,
        `PasswordsBusy`.
        """
        if change.email is not None or change.password is not None:
            await self._confirm_password(account, change.current_password, address)
        if change.password is not None and change.password.lower() == account.email:
            raise _invalid_field("/password", "must not be the e-mail address")
        password_hash = change.password and await self._passwords.hash(change.password)
        changed = await self._accounts.change(
            account,
            session_id=session_id,
            email=change.email,
            name=change.name,
            password_hash=password_hash,
        )
        if changed is None:
            raise session_over()
        return changed

    async def delete(self, account: Account) -> None:
        """Remove all personal data. Other services learn of it from `deletions`."""
        await self._accounts.anonymise(account.id, now=self._clock())
        self._metrics.deleted.inc()

    async def deletions(self, *, after: tuple[int, str], limit: int) -> Sequence[Deletion]:
        """The deleted accounts, oldest first, after the one at ``after``, exclusive.

        The most recent ones are left out: a transaction that has not been committed yet may have
        an earlier time than a deletion that was already read, and would then never be read.
        """
        until = self._clock() - DELETIONS_SETTLE_MS
        return await self._accounts.deleted(after=after, until=until, limit=limit)

    async def exists(self, email: str) -> bool:
        """Whether there is an account with this e-mail address."""
        return await self._accounts.by_email(email) is not None

    async def ensure_staff_account(self, registration: Registration) -> None:
        """Make this staff account, or give an existing one the configured password.

        Replicas that start together may all do this.
        """
        account = await self._accounts.by_email(registration.email)
        if account is None:
            try:
                await self._accounts.add(await self._new_account(registration, staff=True))
            except EmailTaken:
                await self.ensure_staff_account(registration)
            return
        matches = await self._passwords.verify(registration.password, account.password_hash)
        if not (account.staff and matches):
            password_hash = await self._passwords.hash(registration.password)
            await self._accounts.make_staff(registration.email, password_hash)

    async def _new_account(self, registration: Registration, *, staff: bool) -> Account:
        return Account(
            id=f"user_{secrets.token_hex(16)}",
            email=registration.email,
            name=registration.name,
            password_hash=await self._passwords.hash(registration.password),
            staff=staff,
            created_at=self._clock(),
        )

    async def _confirm_password(self, account: Account, password: str | None, address: str) -> None:
        if password is None:
            raise _invalid_field("/current_password", "is needed to change e-mail or password")
        attempt = await self._rate_limiter.count_password_attempt(account.email, address)
        if not await self._passwords.verify(password, account.password_hash):
            if attempt.wait_ms:
                raise TooManyAttempts.until(attempt.wait_ms)
            raise WrongPassword("The current password is another one.")
        await self._rate_limiter.refund(attempt)


def _invalid_field(pointer: str, message: str) -> UnprocessablePayload:
    return UnprocessablePayload(errors=[{"pointer": pointer, "message": message}])

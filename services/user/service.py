"""What can be done with accounts and sessions, and who may do it."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import Conflict, Forbidden, Unauthenticated, UnprocessablePayload
from app.identity import GUEST_PREFIX
from app.stores.clock import Clock
from services.user.metrics import Counts, SessionOutcome
from services.user.models import (
    Account,
    AccountChange,
    Credentials,
    Deletion,
    Registration,
    Role,
    Rotation,
    Session,
    TokensAnswer,
)
from services.user.passwords import PasswordHashes
from services.user.rate_limiter import Guard
from services.user.rate_limits import TooManyAttempts, refusal
from services.user.repository import Accounts, EmailTaken, Sessions
from services.user.signing import KeyRing
from services.user.tokens import AccessTokens, RefreshToken

DELETIONS_SETTLE = 15_000
"""Milliseconds; longer than the store lets a transaction last."""


class LogInRefused(Unauthenticated):
    """The same for every account and for none."""

    type = "log-in-refused"
    title = "Not logged in"


class SessionOver(Unauthenticated):
    """A refresh token nobody can do anything with any more, whatever the reason."""

    type = "session-over"
    title = "The session is over"


class RefreshReplaced(Conflict):
    """The caller lost a race against itself and should use the tokens that the winner got."""

    type = "refresh-replaced"
    title = "Refreshed already"


class AccountRequired(Forbidden):
    """The caller is a guest."""

    type = "account-required"
    title = "This needs an account"


class WrongPassword(Forbidden):
    """The session is good, the password that was to confirm it is not."""

    type = "wrong-password"
    title = "Wrong password"


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long sessions last, in milliseconds."""

    unused: int
    longest: int
    # For how long after an exchange the same refresh token is refused without an alarm. Two
    # tabs of one browser refresh at the same moment; nobody gets a token for a used one.
    grace: int = 5_000


class AccountService:
    """Accounts and those they belong to."""

    def __init__(
        self,
        accounts: Accounts,
        *,
        passwords: PasswordHashes,
        guard: Guard,
        counts: Counts,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._guard = guard
        self._counts = counts
        self._clock = clock

    async def register(self, registration: Registration, *, address: str) -> Account:
        """Make an account.

        An address that is taken costs as much time as one that is not. Raises `EmailTaken`,
        `TooManyAttempts`, `PasswordsBusy`.
        """
        await self._guard.admit_registration(registration.email, address)
        account = await self._new(registration, staff=False)
        await self._accounts.add(account)
        await self._guard.know(registration.email, address)
        self._counts.registered.inc()
        return account

    async def of_session(self, subject: str, session_id: str | None) -> Account:
        """The caller's account.

        Access tokens outlive a log-out by some minutes; the account is not open to them.
        Raises `AccountRequired` for guests, `SessionOver`.
        """
        if subject.startswith(GUEST_PREFIX):
            raise AccountRequired("Guests have no account: register or log in.")
        account = await self._accounts.by_session(subject, session_id or "", now=self._clock())
        if account is None:
            raise _session_over()
        return account

    async def change(
        self, account: Account, change: AccountChange, *, session_id: str, address: str
    ) -> Account:
        """Change what is given; a new password ends the account's other sessions.

        Raises `WrongPassword`, `EmailTaken`, `SessionOver`, `TooManyAttempts`,
        `PasswordsBusy`.
        """
        if change.email is not None or change.password is not None:
            await self._confirm(account, change.current_password, address)
        if change.password is not None and change.password.lower() == account.email:
            raise _refused_field("/password", "must not be the e-mail address")
        password_hash = change.password and await self._passwords.make(change.password)
        changed = await self._accounts.change(
            account,
            session_id=session_id,
            email=change.email,
            name=change.name,
            password_hash=password_hash,
        )
        if changed is None:
            raise _session_over()
        return changed

    async def delete(self, account: Account) -> None:
        """Forget who it was. What others keep of it is told to them by `deletions`."""
        await self._accounts.empty(account.id, now=self._clock())
        self._counts.deleted.inc()

    async def deletions(self, *, after: tuple[int, str], limit: int) -> Sequence[Deletion]:
        """The accounts that were deleted, oldest first, behind the one ``after``.

        The last moments are left out: a deletion that is being written now may get an earlier
        time than one that was read already, and nobody would look for it behind that one.
        """
        until = self._clock() - DELETIONS_SETTLE
        return await self._accounts.deleted(after=after, until=until, limit=limit)

    async def has(self, email: str) -> bool:
        """Whether there is an account with this address."""
        return await self._accounts.by_email(email) is not None

    async def ensure_staff(self, registration: Registration) -> None:
        """Have this staff account with this password: the operator's settings win.

        Replicas that start together may all do this.
        """
        account = await self._accounts.by_email(registration.email)
        if account is None:
            try:
                await self._accounts.add(await self._new(registration, staff=True))
            except EmailTaken:
                await self.ensure_staff(registration)
            return
        matches = await self._passwords.check(registration.password, account.password_hash)
        if not (account.staff and matches):
            password_hash = await self._passwords.make(registration.password)
            await self._accounts.appoint(registration.email, password_hash)

    async def _new(self, registration: Registration, *, staff: bool) -> Account:
        return Account(
            id=f"user_{secrets.token_hex(16)}",
            email=registration.email,
            name=registration.name,
            password_hash=await self._passwords.make(registration.password),
            staff=staff,
            created_at=self._clock(),
        )

    async def _confirm(self, account: Account, password: str | None, address: str) -> None:
        if password is None:
            raise _refused_field("/current_password", "is needed to change e-mail or password")
        attempt = await self._guard.admit_password(account.email, address)
        if not await self._passwords.check(password, account.password_hash):
            if attempt.wait:
                raise refusal(attempt.wait)
            raise WrongPassword("The current password is another one.")
        await self._guard.forgive(attempt)


class SessionService:
    """Sessions: of people who logged in, and of guests."""

    def __init__(
        self,
        sessions: Sessions,
        accounts: Accounts,
        *,
        keys: KeyRing,
        access_tokens: AccessTokens,
        passwords: PasswordHashes,
        guard: Guard,
        rules: SessionRules,
        counts: Counts,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._accounts = accounts
        self._keys = keys
        self._access_tokens = access_tokens
        self._passwords = passwords
        self._guard = guard
        self._rules = rules
        self._counts = counts
        self._clock = clock

    async def log_in(self, credentials: Credentials, *, address: str) -> TokensAnswer:
        """Open a session for who knows the password.

        An unknown account takes the same steps and the same time as a wrong password, and so
        does a refusal: it does not tell who has logged in from this address before. Raises
        `LogInRefused`, `TooManyAttempts`, `PasswordsBusy`.
        """
        try:
            attempt = await self._guard.admit_password(credentials.email, address)
        except TooManyAttempts:
            await self._passwords.pretend()
            self._counts.session("limited")
            raise
        account = await self._accounts.by_email(credentials.email)
        password_hash = account.password_hash if account else None
        if not await self._passwords.check(credentials.password, password_hash) or not account:
            if attempt.wait:
                self._counts.session("limited")
                raise refusal(attempt.wait)
            self._counts.session("refused")
            raise LogInRefused("The e-mail address or the password is wrong.")
        await self._guard.forgive(attempt)
        tokens = await self._open(account.id, account.roles)
        self._counts.session("logged_in")
        return tokens

    async def welcome_guest(self, *, address: str, key: str | None = None) -> TokensAnswer:
        """Open a session for somebody without an account: one row, no password.

        The same ``key`` is the same guest at every replica, because the guest's name follows
        from it. Raises `TooManyAttempts`.
        """
        try:
            await self._guard.admit_guest(address)
        except TooManyAttempts:
            self._counts.session("guest_limited")
            raise
        name = secrets.token_hex(16) if key is None else _name_from(key)
        tokens = await self._open(GUEST_PREFIX + name, ["guest"])
        self._counts.session("guest")
        return tokens

    async def refresh(self, token: str) -> TokensAnswer:
        """Exchange a refresh token for the next pair; each can be exchanged once.

        One that comes back later was stolen, from the caller or by the caller: the session
        ends for both. Raises `SessionOver`, `RefreshReplaced`.
        """
        shown = RefreshToken.parse(token)
        if shown is None:
            self._counts.session("refresh_refused")
            raise _session_over()
        # Before anything is used up: without a key there is nothing to give in exchange.
        await self._keys.signing_key()
        following = shown.rotated()
        rotation = await self._rotate(shown, following)
        self._counts.session(_REFRESH_OUTCOMES[rotation.outcome])
        if rotation.outcome == "replaced":
            raise RefreshReplaced("Another request has just used this token.")
        if rotation.outcome != "rotated":
            raise _session_over()
        return await self._tokens(following, rotation.subject, list(rotation.roles))

    async def log_out(self, session_id: str | None) -> None:
        """End the session. Its access token stays good elsewhere until it expires."""
        if session_id is not None:
            await self._sessions.close(session_id)
        self._counts.session("logged_out")

    async def _rotate(self, shown: RefreshToken, following: RefreshToken) -> Rotation:
        now = self._clock()
        return await self._sessions.rotate(
            shown.session_id,
            token_hash=shown.digest,
            next_hash=following.digest,
            now=now,
            expires_at=now + self._rules.unused,
            longest=self._rules.longest,
            grace=self._rules.grace,
        )

    async def _open(self, subject: str, roles: list[Role]) -> TokensAnswer:
        token, now = RefreshToken.new(), self._clock()
        session = Session(token.session_id, subject, token.digest, now, now + self._rules.unused)
        # The token is made first: without a key there must be no session nobody can use.
        tokens = await self._tokens(token, subject, roles)
        await self._sessions.open(session)
        return tokens

    async def _tokens(self, token: RefreshToken, subject: str, roles: list[Role]) -> TokensAnswer:
        access_token = self._access_tokens.make(
            await self._keys.signing_key(),
            subject=subject,
            roles=list(roles),
            session_id=token.session_id,
            now=self._clock(),
        )
        return TokensAnswer(
            access_token=access_token,
            refresh_token=str(token),
            expires_in=self._access_tokens.lifetime,
        )


_REFRESH_OUTCOMES: Mapping[str, SessionOutcome] = {
    "rotated": "refreshed",
    "unknown": "refresh_refused",
    "replaced": "refresh_replaced",
    "reused": "refresh_reused",
}


def _name_from(key: str) -> str:
    """A guest's name that does not give the key away."""
    return hashlib.sha256(b"guest\0" + key.encode()).hexdigest()[:32]


def _session_over() -> SessionOver:
    return SessionOver("The session is over: log in again.")


def _refused_field(pointer: str, message: str) -> UnprocessablePayload:
    return UnprocessablePayload(errors=[{"pointer": pointer, "message": message}])

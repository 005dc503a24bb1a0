"""The session of one browser: its tokens, who it is signed in as, and how tokens are refreshed."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from app.client import UpstreamError
from app.models import UpstreamModel
from services.storefront.clients import SignedOut, Users
from services.storefront.idempotency_keys import guest_key
from services.storefront.models import Tokens
from services.storefront.page_parts import MissingPart, failed_upstream
from services.storefront.token_refresher import TokenRefresher
from services.storefront.visit.form_token import FormToken
from services.storefront.web.cookie_values import pack_texts, unpack_texts
from services.storefront.web.cookies import MONTH, CookieJar

TOKEN_MARGIN = 15
"""Seconds before its end at which an access token is no longer used."""
ACCESS_COOKIE, REFRESH_COOKIE, NAME_COOKIE = "access", "refresh", "who"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """What a browser holds: a token to show, and one to exchange for new ones."""

    access: str | None
    refresh: str | None

    @property
    def is_account(self) -> bool:
        """By the token's own roles, unverified: it only decides what a page shows."""
        return self.access is not None and "guest" not in _roles(self.access)


class Session:
    """Who sent the request: a stranger, a guest, or somebody with an account."""

    def __init__(
        self,
        jar: CookieJar,
        *,
        form_token: FormToken,
        users: Users,
        token_refresher: TokenRefresher,
        client_address: str,
    ) -> None:
        self._jar = jar
        self._form_token = form_token
        self._users = users
        self._token_refresher = token_refresher
        self._client_address = client_address
        self._tokens = SessionTokens(jar.received(ACCESS_COOKIE), jar.received(REFRESH_COOKIE))
        self._name = unpack_texts(jar.received(NAME_COOKIE), ("name",)).get("name", "")

    @property
    def is_signed_in(self) -> bool:
        """Whether the browser holds the token of an account. Only the upstreams verify it."""
        return self._tokens.is_account

    async def may_be_signed_in(self) -> bool:
        """`is_signed_in` after a refresh; True if the token cannot be refreshed just now."""
        try:
            await self.bearer()
        except UpstreamError:
            return True  # the page then shows what is missing
        return self.is_signed_in

    @property
    def name(self) -> str:
        """What to call the owner of the account; empty if it is not known."""
        return self._name if self.is_signed_in else ""

    def remember_name(self, name: str) -> None:
        self._name = name
        packed = pack_texts({"name": name}) if name else None
        if packed:
            self._jar.write(NAME_COOKIE, packed, max_age=MONTH)
        else:
            self._jar.delete(NAME_COOKIE)

    async def bearer(self) -> str | None:
        """The access token, refreshed if it ran out; None for a stranger.

        Raises `UpstreamError` when it ran out and cannot be refreshed just now, and
        `RefreshedElsewhere` when the browser has to send its request again with the cookies that
        another request brings it.
        """
        if self._tokens.access is not None:
            return self._tokens.access
        return await self._refresh()

    async def bearer_or_guest(self) -> str:
        """The access token; a stranger becomes a guest. Raises `UpstreamError`.

        Forms that are sent before the first cookies are back carry one form token, which makes
        them one guest.
        """
        bearer = await self.bearer()
        if bearer is not None:
            return bearer
        tokens = await self._users.create_guest(
            client_address=self._client_address, key=guest_key(self._form_token.value)
        )
        self.start(tokens)
        return tokens.access_token

    async def as_caller(self, work: Callable[[str | None], Awaitable[T]]) -> T:
        """Do it with the caller's token, and once more if that had to be refreshed.

        ``work`` is given None for a stranger. Raises `SignedOut` when the session is over.
        """
        bearer = await self.bearer()
        try:
            return await work(bearer)
        except SignedOut:
            if bearer is None:
                raise
        return await work(await self._refresh())

    async def as_guest_or_account(self, work: Callable[[str], Awaitable[T]]) -> T:
        """`as_caller` for what a stranger cannot do. Raises `SignedOut` for a stranger, too."""

        async def work_with_token(bearer: str | None) -> T:
            if bearer is None:
                raise SignedOut
            return await work(bearer)

        return await self.as_caller(work_with_token)

    async def as_account(
        self, read: Callable[[str], Awaitable[T | MissingPart]]
    ) -> T | MissingPart | None:
        """What ``read`` found; None for somebody who has to log in first."""
        try:
            if not await self.may_be_signed_in():
                return None
            return await self.as_guest_or_account(read)
        except SignedOut:
            return None
        except UpstreamError as error:
            return MissingPart(failed_upstream(error, called="user"))

    def start(self, tokens: Tokens) -> None:
        """From now on the browser holds these tokens."""
        self._tokens = SessionTokens(tokens.access_token, tokens.refresh_token)
        max_age = max(1, tokens.expires_in - TOKEN_MARGIN)
        self._jar.write(ACCESS_COOKIE, tokens.access_token, max_age=max_age)
        if tokens.refresh_token is not None:
            self._jar.write(REFRESH_COOKIE, tokens.refresh_token, max_age=MONTH)

    def end(self) -> None:
        """From now on the browser is a stranger's."""
        self._tokens = SessionTokens(None, None)
        self._jar.delete(ACCESS_COOKIE)
        self._jar.delete(REFRESH_COOKIE)
        self.remember_name("")

    async def _refresh(self) -> str | None:
        if self._tokens.refresh is None:
            if self._tokens.access is not None:
                self.end()
            return None
        try:
            tokens = await self._token_refresher.refresh(self._tokens.refresh)
        except SignedOut:
            self.end()
            return None
        self.start(tokens)
        return tokens.access_token


class _Claims(UpstreamModel):
    roles: list[str]


def _roles(access_token: str) -> list[str]:
    payload = access_token.split(".")[1] if access_token.count(".") == 2 else ""
    try:
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return _Claims.model_validate_json(claims).roles
    except ValueError:  # of base64 or of pydantic: browsers may send anything
        return []

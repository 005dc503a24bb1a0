"""The user service: what it is built from, and in which order it opens and closes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import httpx2
from fastapi import FastAPI

from app.client import Upstream
from app.factory import create_app
from app.identity import TokenVerifier
from app.process.background import BackgroundTask, repeat, run_in_background
from app.process.health import Health
from app.request.admission import Priority
from app.settings import load
from app.stores.clock import Clock
from app.stores.migrations import check_schema
from app.stores.sql import Database, StoreUnavailable
from app.telemetry.metrics import Metrics
from services.user.dependencies import State
from services.user.maintenance import TIDY_EVERY, StaffAccount, tidy
from services.user.metrics import Counts
from services.user.passwords import PasswordHashes
from services.user.rate_limiter import Guard, Limits
from services.user.rate_limits import Limit
from services.user.repository import Accounts, Attempts, Sessions, SigningKeys
from services.user.routes import router
from services.user.service import AccountService, SessionRules, SessionService
from services.user.settings import UserSettings
from services.user.signing import KeyRing
from services.user.tokens import AccessTokens

DAY = 24 * 60 * 60 * 1000
"""Milliseconds."""
# Minutes' worth of guests an address may make at once.
GUESTS_IN_A_ROW = 10

PRIORITIES = {
    # Without the keys no service can tell who calls.
    "GET /.well-known/jwks.json": Priority.HIGH,
    # Who is in stays in; who has just come may come again.
    "POST /v1/sessions:refresh": Priority.HIGH,
    "POST /v1/guests": Priority.LOW,
}


def create() -> FastAPI:
    """The service as the environment configures it. Raises `SettingsError`."""
    return build(load(UserSettings))


def build(settings: UserSettings, *, clock: Clock | None = None) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins.

    ``clock`` replaces the store's.
    """
    metrics = Metrics("user", version=settings.version)
    health = Health()
    counts = Counts.of(metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with (
            Database(settings.store_url, metrics=metrics) as database,
            PasswordHashes(
                longest_line=settings.longest_password_line, waiting=counts.passwords_waiting
            ) as passwords,
        ):
            now = clock or database.clock
            keys = KeyRing(SigningKeys(database), clock=now)
            guard = Guard(Attempts(database), limits=_limits(settings), clock=now)
            accounts = AccountService(
                Accounts(database), passwords=passwords, guard=guard, counts=counts, clock=now
            )
            sessions = SessionService(
                Sessions(database),
                Accounts(database),
                keys=keys,
                access_tokens=_access_tokens(settings),
                passwords=passwords,
                guard=guard,
                rules=_session_rules(settings),
                counts=counts,
                clock=now,
            )
            staff = StaffAccount(accounts, settings.staff())
            health.add("store", partial(check_schema, database, "services.user"))
            health.add("signing key", partial(_have_key, keys))
            health.add("staff account", staff.check)
            async with (
                run_in_background(*_background_tasks(database, staff, now)),
                _token_verifier(settings, metrics, keys, now) as verifier,
            ):
                yield State(accounts=accounts, sessions=sessions, keys=keys, verifier=verifier)

    return create_app(
        settings,
        service="user",
        description="Accounts, sessions, guests, and the keys that verify who is who.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[router],
        priorities=PRIORITIES,
    )


def _background_tasks(
    database: Database, staff: StaffAccount, clock: Clock
) -> Sequence[BackgroundTask]:
    purge = partial(tidy, Sessions(database), Attempts(database), clock=clock)
    return [
        BackgroundTask("keep the staff account", staff.keep),
        repeat(purge, every=TIDY_EVERY, name="tidy"),
    ]


@asynccontextmanager
async def _token_verifier(
    settings: UserSettings, metrics: Metrics, keys: KeyRing, clock: Clock
) -> AsyncIterator[TokenVerifier]:
    async with Upstream("user", "http://user", metrics=metrics, transport=_OwnKeys(keys)) as own:
        yield TokenVerifier(
            own,
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            wall_clock=lambda: clock() / 1000,
        )


class _OwnKeys(httpx2.AsyncBaseTransport):
    """Verifies with the same code as every service, without a request to ourselves."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return httpx2.Response(200, json={"keys": await self._ring.published()})
        except StoreUnavailable:
            return httpx2.Response(503)


async def _have_key(ring: KeyRing) -> None:
    await ring.signing_key()


def _limits(settings: UserSettings) -> Limits:
    return Limits(
        account=Limit(settings.password_attempts_per_account),
        failures_of_address=Limit(settings.failed_passwords_per_address),
        registrations_of_address=Limit(settings.registrations_per_address),
        guests_of_address=Limit(
            settings.guests_per_address, in_a_row=GUESTS_IN_A_ROW * settings.guests_per_address
        ),
    )


def _access_tokens(settings: UserSettings) -> AccessTokens:
    return AccessTokens(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        lifetime=settings.access_token_seconds,
    )


def _session_rules(settings: UserSettings) -> SessionRules:
    return SessionRules(
        unused=settings.session_unused_days * DAY,
        longest=settings.session_longest_days * DAY,
    )

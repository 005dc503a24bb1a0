"""Builds the user service."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from app.factory import create_app
from app.identity import TokenVerifier
from app.process.background import BackgroundTask, repeat, run_in_background
from app.process.health import Health
from app.request.admission import Priority
from app.settings import load
from app.stores.clock import Clock
from app.stores.database import Database
from app.stores.schema import SchemaCheck
from app.telemetry.metrics import Metrics
from services.user.dependencies import State
from services.user.keys.signing_keys import SigningKeys
from services.user.maintenance import DELETE_EXPIRED_INTERVAL, delete_expired
from services.user.metrics import UserMetrics
from services.user.passwords import PasswordHasher
from services.user.rate_limiter import RateLimiter, RateLimits
from services.user.repository import (
    AccountRepository,
    RateLimit,
    RateLimitRepository,
    SessionRepository,
    SigningKeyRepository,
)
from services.user.routes import router
from services.user.service import AccountService, SessionService, SessionTimeouts
from services.user.settings import UserSettings
from services.user.staff_account import StaffAccountProvisioner
from services.user.tokens import AccessTokens

DAY_MS = 24 * 60 * 60 * 1000
GUEST_BURST_MINUTES = 10
"""An address may make as many guests at once as it may make in this time."""

PRIORITIES = {
    # Without the keys no service can verify a token.
    "GET /.well-known/jwks.json": Priority.HIGH,
    # Visitors with a session come before new ones.
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
    user_metrics = UserMetrics(metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with (
            Database(settings.store_url, metrics=metrics) as database,
            PasswordHasher(
                max_waiting=settings.longest_password_line, waiting=user_metrics.passwords_waiting
            ) as passwords,
        ):
            now = clock or database.clock
            keys = SigningKeys(SigningKeyRepository(database), clock=now)
            rate_limiter = RateLimiter(
                RateLimitRepository(database), limits=_rate_limits(settings), clock=now
            )
            accounts = AccountService(
                AccountRepository(database),
                passwords=passwords,
                rate_limiter=rate_limiter,
                metrics=user_metrics,
                clock=now,
            )
            sessions = SessionService(
                SessionRepository(database),
                AccountRepository(database),
                keys=keys,
                access_tokens=_access_tokens(settings),
                passwords=passwords,
                rate_limiter=rate_limiter,
                timeouts=_session_timeouts(settings),
                metrics=user_metrics,
                clock=now,
            )
            staff_account = StaffAccountProvisioner(accounts, settings.staff())
            health.add("store", SchemaCheck(database, "services.user"))
            health.add("signing key", partial(_check_signing_key, keys))
            health.add("staff account", staff_account.check)
            async with run_in_background(*_background_tasks(database, staff_account, now)):
                verifier = _token_verifier(settings, keys, now)
                yield State(accounts=accounts, sessions=sessions, keys=keys, verifier=verifier)

    return create_app(
        settings,
        service="user",
        description="Accounts, sessions, guests, and the public keys that verify access tokens.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[router],
        priorities=PRIORITIES,
    )


def _background_tasks(
    database: Database, staff_account: StaffAccountProvisioner, clock: Clock
) -> Sequence[BackgroundTask]:
    delete = partial(
        delete_expired, SessionRepository(database), RateLimitRepository(database), clock=clock
    )
    return [
        BackgroundTask("provision the staff account", staff_account.run),
        repeat(delete, every=DELETE_EXPIRED_INTERVAL, name="delete expired rows"),
    ]


def _token_verifier(settings: UserSettings, keys: SigningKeys, clock: Clock) -> TokenVerifier:
    return TokenVerifier(
        keys,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        wall_clock=lambda: clock() / 1000,
    )


async def _check_signing_key(keys: SigningKeys) -> None:
    await keys.signing_key()


def _rate_limits(settings: UserSettings) -> RateLimits:
    return RateLimits(
        account=RateLimit(settings.password_attempts_per_account),
        failures_of_address=RateLimit(settings.failed_passwords_per_address),
        registrations_of_address=RateLimit(settings.registrations_per_address),
        guests_of_address=RateLimit(
            settings.guests_per_address, burst=GUEST_BURST_MINUTES * settings.guests_per_address
        ),
    )


def _access_tokens(settings: UserSettings) -> AccessTokens:
    return AccessTokens(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        lifetime=settings.access_token_seconds,
    )


def _session_timeouts(settings: UserSettings) -> SessionTimeouts:
    return SessionTimeouts(
        idle=settings.session_unused_days * DAY_MS,
        absolute=settings.session_longest_days * DAY_MS,
    )

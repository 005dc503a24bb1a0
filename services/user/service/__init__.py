"""The operations on accounts and on sessions."""

from services.user.service.accounts import (
    DELETIONS_SETTLE_MS,
    AccountRequired,
    AccountService,
    WrongPassword,
)
from services.user.service.sessions import (
    LogInRefused,
    RefreshReplaced,
    SessionOver,
    SessionService,
    SessionTimeouts,
)

__all__ = [
    "DELETIONS_SETTLE_MS",
    "AccountRequired",
    "AccountService",
    "LogInRefused",
    "RefreshReplaced",
    "SessionOver",
    "SessionService",
    "SessionTimeouts",
    "WrongPassword",
]

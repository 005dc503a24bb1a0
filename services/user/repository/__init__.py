"""The store of the service: the same SQL for SQLite and Postgres."""

from services.user.repository.accounts import AccountRepository, EmailTaken
from services.user.repository.rate_limits import Bucket, RateLimit, RateLimitRepository
from services.user.repository.sessions import SessionRepository
from services.user.repository.signing_keys import SigningKeyRepository

__all__ = [
    "AccountRepository",
    "Bucket",
    "EmailTaken",
    "RateLimit",
    "RateLimitRepository",
    "SessionRepository",
    "SigningKeyRepository",
]

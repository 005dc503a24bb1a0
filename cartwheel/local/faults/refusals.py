"""What a Postgres may answer to a fault, instead of having it."""

import asyncpg

# A time that is over is an `OSError` too. The second is of a connection that has ended.
STORE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


def describe_refusal(error: Exception) -> str:
    """One phrase, also for an error without a text."""
    if isinstance(error, TimeoutError):
        return "it did not respond in time"
    return str(error).strip().partition("\n")[0] or type(error).__name__

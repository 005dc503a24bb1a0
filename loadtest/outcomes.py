"""What a response says about the operation that was asked for."""

from collections.abc import Mapping
from typing import Any

from loadtest.history import Outcome
from loadtest.messages import Response

NOTHING_SENT = frozenset({"refused", "connect_timeout"})
"""Errors of requests for which there was no connection."""
IN_PROGRESS = "in-progress"
"""The problem of a key whose first request is still at work."""
UNDECIDED_STATUSES = frozenset({401, 408, 429})
"""Refusals of one request, whatever has become of an earlier one with the same key."""


def outcome_of(response: Response) -> Outcome:
    """The outcome of this one request.

    A 503 may come after a change: a step behind the one that changed something failed.
    """
    if response.ok:
        return Outcome.OK
    if 400 <= response.status < 500:
        is_open = problem_of(response) == IN_PROGRESS
        return Outcome.UNKNOWN if is_open else Outcome.REFUSED
    return Outcome.REFUSED if response.error in NOTHING_SENT else Outcome.UNKNOWN


def decides_key(response: Response) -> bool:
    """Whether it says what has become of all requests with the same idempotency key."""
    is_refusal = 400 <= response.status < 500 and response.status not in UNDECIDED_STATUSES
    return response.ok or (is_refusal and problem_of(response) != IN_PROGRESS)


def problem_of(response: Response) -> str:
    """The type of the problem, as `quote-changed`; without one, the status or the error."""
    kind = str(json_object(response).get("type", ""))
    return kind.rpartition(":")[2] or response.error or str(response.status)


def json_object(response: Response) -> Mapping[str, Any]:
    """The JSON object of a response; empty if it has none."""
    try:
        found = response.json
    except (RecursionError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

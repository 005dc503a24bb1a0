"""Operations in words."""

import json
from collections.abc import Mapping
from typing import Any

from loadtest.history import Operation, Outcome


def described(operation: Operation) -> str:
    """As `cart/ada: the read of client 3 at 1.250 s ({"version": 2})`."""
    when = f"at {operation.called_at:.3f} s"
    what = f"{operation.object}: the {operation.call}{_in_words(operation.input)}"
    return f"{what} of client {operation.client} {when}{_result(operation)}"


def _result(operation: Operation) -> str:
    if operation.outcome is Outcome.OK:
        return f" with the result{_in_words(operation.output)}" if operation.output else ""
    return " (refused)" if operation.outcome is Outcome.REFUSED else " (outcome unknown)"


def _in_words(document: Mapping[str, Any]) -> str:
    return f" {json.dumps(dict(document), sort_keys=True)}" if document else ""

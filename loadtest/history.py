"""The history of a load: each operation of a client on an object of the shop, as the client saw it.

The checks of `cartwheel.consistency` read it. As in Jepsen's histories, an operation whose
response was lost has an unknown outcome: it happened once, at any time after its call, or never.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What the client knows of an operation."""

    OK = "ok"  # acknowledged
    REFUSED = "refused"  # a response says that it changed nothing
    UNKNOWN = "unknown"  # no response, or one that does not tell


@dataclass(frozen=True)
class Operation:
    """One operation. A ``client`` has at most one at a time.

    ``object`` is kind and id, as `cart/<owner>`, `stock/<sku>` or `order/<owner>/<key>`. ``input``
    and ``output`` are JSON objects. Times are seconds of one monotonic clock.
    """

    client: int
    object: str
    call: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    outcome: Outcome
    called_at: float
    returned_at: float

"""What a shopper sends and receives, independent of the client that sends it."""

import json as json_format
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

INVALID_RESPONSE = "invalid_response"


@dataclass(frozen=True)
class Request:
    """What to send. `name` is the route; it groups requests in reports."""

    name: str
    method: str
    path: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """What was received; without a response `status` is 0, and `error` says what happened.

    The error of one that the shopper cannot use is `INVALID_RESPONSE`. Headers have lower case
    names.
    """

    status: int
    body: bytes = b""
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_failure(self) -> bool:
        return self.status == 0 or self.status >= 500 or bool(self.error)

    @property
    def json(self) -> Any:
        """The body's JSON, parsed each time: most responses are not read. Raises `ValueError`."""
        return json_format.loads(self.body)


Scenario = Generator[Request, Response, None]
"""One shopper: yields the next request, and is sent the response."""


@dataclass(frozen=True)
class Exchange:
    """A request of a shopper and its response. Times are of this process' monotonic clock."""

    shopper: int
    request: Request
    response: Response
    called_at: float
    returned_at: float

"""Responses of an upstream, complete or streamed, and checks of them."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from app.client.buffers import Buffers
from app.client.errors import UpstreamBroken, UpstreamRefused
from app.client.messages import Headers, Response
from app.models import UpstreamModel

MAX_RETRY_AFTER = 3600
PROBLEM_PREFIX = "urn:cartwheel:problem:"

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(slots=True)
class UpstreamResponse:
    """A complete response, whatever its status."""

    upstream: str
    status_code: int
    headers: Headers
    content: bytes
    _read: BaseModel | None = field(default=None, repr=False, compare=False)

    def json(self) -> Any:
        """Return the body's JSON. Raises `UpstreamBroken` if it is none."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise UpstreamBroken(self.upstream, "its response is not JSON.") from error

    def read(self, model: type[ModelT]) -> ModelT:
        """Return the body as the model. Raises `UpstreamBroken` if it does not fit."""
        if isinstance(self._read, model):
            return self._read
        try:
            read = model.model_validate_json(self.content)
        except ValidationError as error:
            where = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])
            reason = f"its response is not what was agreed{f' at {where[:80]!r}' if where else ''}."
            raise UpstreamBroken(self.upstream, reason) from error
        self._read = read
        return read


Check = Callable[[UpstreamResponse], object]
"""Raises `UpstreamBroken` for a response that is not what was agreed."""


def raise_for_problem(response: UpstreamResponse) -> UpstreamResponse:
    """Return a good response (below 400); raise `UpstreamError` for any other.

    Handle expected errors (404, 409) before.
    """
    if response.status_code < 400:
        return response
    if response.status_code in (429, 503):
        raise UpstreamRefused(
            response.upstream,
            "it is too busy or lacks something itself.",
            retry_after=_retry_after(response.headers),
        )
    raise UpstreamBroken(response.upstream, f"it answered {response.status_code}.")


class ProblemDocument(UpstreamModel):
    """An error that comes from one of our services (RFC 9457), not from another server."""

    type: Annotated[str, Field(pattern=rf"^{PROBLEM_PREFIX}[a-z0-9-]{{1,64}}$")]


def expect(model: type[BaseModel] | None = None, *, allow_401: bool = True) -> Check:
    """Return a check: a good response fits the model, an error is a problem document.

    Without `allow_401` (for calls that send no token) a 401 is a failure as well.
    """

    def check(response: UpstreamResponse) -> None:
        if response.status_code >= 400:
            response.read(ProblemDocument)
            if response.status_code == 401 and not allow_401:
                raise UpstreamBroken(
                    response.upstream, "it answered 401 to a call without a token."
                )
        elif model is not None and response.status_code != 304:
            response.read(model)

    return check


def _retry_after(headers: Headers) -> int:
    value = headers.get("retry-after", "")
    return min(int(value), MAX_RETRY_AFTER) if value.isascii() and value.isdigit() else 1


class StreamedResponse:
    """A response whose body is still arriving; closed by `Upstream.stream`."""

    def __init__(
        self,
        upstream: str,
        response: Response,
        *,
        buffers: Buffers,
        seconds_left: Callable[[], float],
        seconds_to_deadline: Callable[[], float],
        until_closed: AbstractContextManager[object],
    ) -> None:
        self.upstream = upstream
        self.status_code = response.status_code
        self.headers = response.headers
        self._response = response
        self._buffers = buffers
        self._seconds_left = seconds_left
        self._seconds_to_deadline = seconds_to_deadline
        self._until_closed = until_closed

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives.

        Raises `UpstreamError` if it is cut off or too slow; without an error it is complete.
        """
        while (part := await self._response.next_part(self._seconds_left())) is not None:
            yield part

    async def read(self, *, limit: int) -> bytes:
        """Return the whole body (of an error). Raises `UpstreamError`, also if it is longer."""
        return await self._buffers.read(
            self._response, limit=limit, seconds_left=self._seconds_to_deadline
        )

    async def aclose(self) -> None:
        with self._until_closed:
            await self._response.aclose()

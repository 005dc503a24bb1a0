"""What a neighbour answers: at once, or while it is still coming."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from app.client.buffers import Buffers
from app.client.errors import UpstreamBroken, UpstreamRefused
from app.client.transport import Headers, TransportResponse
from app.models import UpstreamModel

MAX_RETRY_AFTER = 3600
PROBLEM_PREFIX = "urn:cartwheel:problem:"

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(slots=True)
class UpstreamResponse:
    """A neighbour's complete answer, whatever its status."""

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
            raise UpstreamBroken(self.upstream, "its answer is not JSON.") from error

    def read(self, model: type[ModelT]) -> ModelT:
        """Return the body as the model. Raises `UpstreamBroken` if it does not fit."""
        if isinstance(self._read, model):
            return self._read
        try:
            read = model.model_validate_json(self.content)
        except ValidationError as error:
            where = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])
            reason = f"its answer is not what was agreed{f' at {where[:80]!r}' if where else ''}."
            raise UpstreamBroken(self.upstream, reason) from error
        self._read = read
        return read


Check = Callable[[UpstreamResponse], object]
"""Raises `UpstreamBroken` for a response that is not what was agreed."""


def raise_for_problem(answer: UpstreamResponse) -> UpstreamResponse:
    """Return a good answer (below 400); raise `UpstreamError` for any other.

    Look at `status_code` first for refusals that are part of the conversation (404, 409).
    """
    if answer.status_code < 400:
        return answer
    if answer.status_code in (429, 503):
        raise UpstreamRefused(
            answer.upstream,
            "it is too busy or lacks something itself.",
            retry_after=_retry_after(answer.headers),
        )
    raise UpstreamBroken(answer.upstream, f"it answered {answer.status_code}.")


class ProblemDocument(UpstreamModel):
    """A refusal that is one of ours (RFC 9457), and not a page of whoever is at that address."""

    type: Annotated[str, Field(pattern=rf"^{PROBLEM_PREFIX}[a-z0-9-]{{1,64}}$")]


def expect(model: type[BaseModel] | None = None, *, knows_caller: bool = True) -> Check:
    """Return a check of what every answer has to be: a good one fits the model, a refusal is a
    problem document, and who was shown no token does not ask for another one.
    """

    def check(answer: UpstreamResponse) -> None:
        if answer.status_code >= 400:
            answer.read(ProblemDocument)
            if answer.status_code == 401 and not knows_caller:
                raise UpstreamBroken(answer.upstream, "it answered 401, which nobody can mend.")
        elif model is not None and answer.status_code != 304:
            answer.read(model)

    return check


def is_shed(status_code: int, headers: Headers) -> bool:
    """Whether a replica refused to stay healthy: no reason to think badly of it."""
    return status_code == 429 or (status_code == 503 and "retry-after" in headers)


def _retry_after(headers: Headers) -> int:
    value = headers.get("retry-after", "")
    return min(int(value), MAX_RETRY_AFTER) if value.isascii() and value.isdigit() else 1


class StreamedResponse:
    """An answer whose body is still coming; closed by `Upstream.stream`."""

    def __init__(
        self,
        upstream: str,
        response: TransportResponse,
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

    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it comes.

        Raises `UpstreamError` if it is cut off or too slow: what ends without one is whole.
        """
        return self._response.parts(seconds_left=self._seconds_left)

    async def read(self, *, limit: int) -> bytes:
        """Return the whole body, of a refusal. Raises `UpstreamError`, also if it is longer."""
        return await self._buffers.read(
            self._response, limit=limit, seconds_left=self._seconds_to_deadline
        )

    async def aclose(self) -> None:
        with self._until_closed:
            await self._response.aclose()

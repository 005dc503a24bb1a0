"""What a neighbour answers: at once, or while it is still coming."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.client.engine import Headers, Response
from app.client.errors import UpstreamBroken, UpstreamRefused

MAX_RETRY_AFTER = 3600

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """A neighbour's complete answer, whatever its status."""

    upstream: str
    status_code: int
    headers: Headers
    content: bytes

    def json(self) -> Any:
        """Return the body's JSON. Raises `UpstreamBroken` if it is none."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise UpstreamBroken(self.upstream, "its answer is not JSON.") from error

    def read(self, model: type[ModelT]) -> ModelT:
        """Return the body as the model. Raises `UpstreamBroken` if it does not fit."""
        try:
            return model.model_validate_json(self.content)
        except ValidationError as error:
            raise UpstreamBroken(self.upstream, "its answer is not what was agreed.") from error


def raise_for_problem(answer: Answer) -> Answer:
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


def is_shed(status_code: int, headers: Headers) -> bool:
    """Whether a replica refused to stay healthy: no reason to think badly of it."""
    return status_code == 429 or (status_code == 503 and "retry-after" in headers)


def _retry_after(headers: Headers) -> int:
    value = headers.get("retry-after", "")
    return min(int(value), MAX_RETRY_AFTER) if value.isascii() and value.isdigit() else 1


class StreamedAnswer:
    """An answer whose body is still coming; closed by `Upstream.stream`."""

    def __init__(
        self,
        upstream: str,
        response: Response,
        *,
        seconds_left: Callable[[], float],
        until_closed: AbstractContextManager[object],
    ) -> None:
        self.upstream = upstream
        self.status_code = response.status_code
        self.headers = response.headers
        self._response = response
        self._seconds_left = seconds_left
        self._until_closed = until_closed

    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it comes.

        Raises `UpstreamError` if it is cut off or too slow: what ends without one is whole.
        """
        return self._response.parts(seconds_left=self._seconds_left)

    async def aclose(self) -> None:
        with self._until_closed:
            await self._response.aclose()

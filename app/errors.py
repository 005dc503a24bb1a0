"""Errors as RFC 9457 problems.

    Problem
    ├── BadRequest 400            UnprocessablePayload 422 (bodies and parameters only)
    ├── Unauthenticated 401       TooManyRequests 429
    ├── Forbidden 403             Internal 500
    ├── NotFound 404              Unavailable 503
    ├── MethodNotAllowed 405      └── DeadlineExceeded
    ├── RequestTimeout 408
    ├── Conflict 409
    ├── PreconditionFailed 412
    ├── PayloadTooLarge 413
    ├── UnsupportedMediaType 415

A specific error is derived beside the code that raises it:

    class OutOfStock(Conflict):
        type = "out-of-stock"
        title = "Out of stock"

    raise OutOfStock("Only 3 are left.", unavailable=[...])

This module imports no web framework, so decisions in `service.py` may raise its errors.
`app.request.problems` turns them into responses and documents them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypedDict

MEDIA_TYPE = "application/problem+json"


class FieldError(TypedDict):
    """One bad field: a JSON pointer into the payload (or `/name` of a parameter) and why."""

    pointer: str
    message: str


class Problem(Exception):
    """An error response. `detail` is shown to the caller: no secrets.

    Keyword arguments become members of the response besides the standard ones.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers: dict[str, str] = dict(headers or {})
        self.extensions: dict[str, Any] = extensions

    def content(self, request_id: str) -> dict[str, Any]:
        """The members of the JSON document."""
        return {
            "type": f"urn:cartwheel:problem:{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            # The request, not its path: a path holds whatever a stranger typed.
            "instance": f"urn:cartwheel:request:{request_id}",
            "request_id": request_id,
            **self.extensions,
        }


class BadRequest(Problem):
    status = 400
    type = "bad-request"
    title = "Bad request"


class Unauthenticated(Problem):
    """401; says which scheme is expected, as RFC 9110 asks."""

    status = 401
    type = "unauthenticated"
    title = "Not authenticated"

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: Any
    ) -> None:
        super().__init__(
            detail, headers={"www-authenticate": "Bearer", **(headers or {})}, **extensions
        )


class Forbidden(Problem):
    status = 403
    type = "forbidden"
    title = "Not allowed"


class NotFound(Problem):
    status = 404
    type = "not-found"
    title = "Not found"


class MethodNotAllowed(Problem):
    """405; raised by the router, with the methods that are allowed in `Allow`."""

    status = 405
    type = "method-not-allowed"
    title = "Method not allowed"


class RequestTimeout(Problem):
    """408: the caller took too long to send the request."""

    status = 408
    type = "request-timeout"
    title = "Request took too long to arrive"


class Conflict(Problem):
    status = 409
    type = "conflict"
    title = "Conflict"


class PreconditionFailed(Problem):
    """412: the resource is not in the state that the caller expects."""

    status = 412
    type = "precondition-failed"
    title = "Precondition failed"


class PayloadTooLarge(Problem):
    status = 413
    type = "payload-too-large"
    title = "Payload too large"


class UnsupportedMediaType(Problem):
    status = 415
    type = "unsupported-media-type"
    title = "Unsupported media type"


class UnprocessablePayload(Problem):
    """422: the payload or a parameter breaks a rule; `errors` names each field, never its value."""

    status = 422
    type = "unprocessable-payload"
    title = "Unprocessable payload"

    def __init__(
        self,
        detail: str = "The request does not have the form this operation needs.",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail, headers=headers, errors=list(errors), **extensions)
        self.errors = list(errors)


IDEMPOTENCY_KEY = "Idempotency-Key"


def idempotency_key_error(message: str) -> FieldError:
    """What is wrong with the `Idempotency-Key`, as a member of `errors`."""
    return {"pointer": f"/{IDEMPOTENCY_KEY}", "message": message}


class IdempotencyKeyReused(UnprocessablePayload):
    """422: the key belongs to an earlier request that asked for something else."""

    type = "idempotency-key-reused"
    title = "This Idempotency-Key was used for another request"

    def __init__(self) -> None:
        super().__init__(
            "The Idempotency-Key was used before, for a different request. "
            "Send this request with a new key.",
            errors=[idempotency_key_error("was used for a different request")],
        )


class Retryable(Problem):
    """A problem with `Retry-After`: the same request may succeed later."""

    def __init__(
        self,
        detail: str,
        *,
        retry_after: int = 1,
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(
            detail, headers={"retry-after": str(retry_after), **(headers or {})}, **extensions
        )
        self.retry_after = retry_after


class TooManyRequests(Retryable):
    """429; `retry_after` in seconds."""

    status = 429
    type = "too-many-requests"
    title = "Too many requests"


class Internal(Problem):
    """500: a bug. The cause is not disclosed; the log has it under the request id."""

    status = 500


class Unavailable(Retryable):
    """503; `retry_after` in seconds."""

    status = 503
    type = "unavailable"
    title = "Temporarily unavailable"


class DeadlineExceeded(Unavailable):
    """503: the caller's time budget is spent, so the work was not started or not finished."""

    type = "deadline-exceeded"
    title = "Deadline exceeded"


KINDS: Mapping[int, type[Problem]] = {
    kind.status: kind
    for kind in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        RequestTimeout,
        Conflict,
        PreconditionFailed,
        PayloadTooLarge,
        UnsupportedMediaType,
        UnprocessablePayload,
        TooManyRequests,
        Internal,
        Unavailable,
    )
}
"""The general kind of each status."""

"""Errors as problem details (RFC 9457)."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from cartwheel.errors import CommandError, UsageError

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int,
    title: str,
    detail: str = "",
    *,
    headers: dict[str, str] | None = None,
    **members: object,
) -> JSONResponse:
    """A response that says what is wrong; ``detail`` is for the person at the page.

    ``members`` are what else the page needs to know, the field that is wrong for example.
    """
    known = {"type": "about:blank", "status": status, "title": title, "detail": detail}
    content = {**known, **members}
    return JSONResponse(content, status_code=status, headers=headers, media_type=MEDIA_TYPE)


async def for_command_error(_: Request, error: Exception) -> JSONResponse:
    """What was asked cannot be done now (409), or is wrong (422)."""
    if isinstance(error, UsageError):
        return problem(422, "Not possible like this", str(error))
    return problem(409, "Not possible now", str(error))


async def for_http_error(_: Request, error: Exception) -> JSONResponse:
    """An error of the framework, as an unknown path."""
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != title else ""
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, title, detail, headers=headers)


async def for_internal_error(_: Request, __: Exception) -> JSONResponse:
    """The log has the error itself."""
    return problem(500, "The console failed", "Its log says why.")


HANDLERS = {
    CommandError: for_command_error,
    HTTPException: for_http_error,
    Exception: for_internal_error,
}

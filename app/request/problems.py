"""Problems (RFC 9457) as responses, and their documentation in OpenAPI.

Routes name what they can raise:

    @router.post("/cart/items", responses=problems(401, 404, OutOfStock))

`document_problems` adds what any operation can answer, so no route names it:
400, 408, 414, 431, 500 and 503 everywhere; 413, 415 and 422 where there is a body; 404 and 422
where there are path parameters; 422 where there are others; 401 where a caller must be known.
"""

import errno
import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.errors import (
    KINDS,
    MEDIA_TYPE,
    BadRequest,
    FieldError,
    Internal,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unavailable,
    UnprocessablePayload,
)
from app.telemetry.context import current_context
from app.telemetry.logs import get_logger

MAX_ERRORS = 20
"""Bounds the response to a payload with a thousand mistakes."""
_MAX_POINTER = 200
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)

_EVERYWHERE = (400, 408, 414, 431, 500, 503)
_WITH_BODY = (413, 415, 422)
_SCHEMA_REF = {"$ref": "#/components/schemas/Problem"}
PROBLEM_SCHEMA: Mapping[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": ["urn:cartwheel:problem:conflict"]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "additionalProperties": True,
}


def problem_body(problem: Problem) -> bytes:
    """The JSON document of a problem, with the id of the current request."""
    return json.dumps(problem.content(current_context().request_id), separators=(",", ":")).encode()


def problem_response(problem: Problem) -> Response:
    """The response for a problem."""
    return Response(
        problem_body(problem),
        status_code=problem.status,
        headers={**problem.headers, "cache-control": "no-store"},
        media_type=MEDIA_TYPE,
    )


def problem_for(error: Exception, *, route: str, method: str) -> Problem:
    """The problem that answers `error`; an unexpected error is logged and not disclosed."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, OSError) and error.errno in _OUT_OF_DESCRIPTORS:
        get_logger().warning("request.out_of_descriptors", route=route, method=method)
        return Unavailable("This replica has too many files open. Try again.")
    get_logger().exception("request.failed", exc_info=error, route=route, method=method)
    return Internal("Something went wrong here.")


def install_error_handlers(app: FastAPI, allowed_methods: Callable[[str], list[str]]) -> None:
    """Have every expected error of `app` answered as a problem.

    `allowed_methods` of a path are named with 405. Unexpected exceptions reach the middleware,
    which logs and counts them (`problem_for`).
    """

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return problem_response(error)

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = from_http_exception(error)
        if isinstance(problem, MethodNotAllowed):
            # The framework names the methods of one route; others may have the same path.
            allowed = allowed_methods(request.scope["path"])
            problem.headers = {"allow": ", ".join(allowed)}
        return problem_response(problem)

    async def on_invalid_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(from_validation(error.errors()))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid_request)


def from_http_exception(error: HTTPException) -> Problem:
    """The problem for an error that the framework raised."""
    headers = error.headers
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing here.", headers=headers)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("This resource does not answer to that method.", headers=headers)
    kind = KINDS.get(error.status_code, Internal if error.status_code >= 500 else BadRequest)
    return kind(HTTPStatus(kind.status).description or kind.title, headers=headers)


def from_validation(details: Sequence[Mapping[str, Any]]) -> UnprocessablePayload:
    """The problem for pydantic's errors: where and why, never the value."""
    return UnprocessablePayload(errors=[_field_error(detail) for detail in details[:MAX_ERRORS]])


def _field_error(detail: Mapping[str, Any]) -> FieldError:
    # The first element is the place (body, query, path, header), the rest names the member.
    members = detail["loc"][1:]
    pointer = "".join("/" + str(m).replace("~", "~0").replace("/", "~1") for m in members)
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] in ("union_tag_invalid", "json_invalid"):
        message = "Input is not valid"  # pydantic's message would repeat the value
    return {"pointer": pointer[:_MAX_POINTER], "message": message}


def problems(*kinds: int | type[Problem]) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: the statuses or errors it can answer besides the common ones."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        problem = kind if isinstance(kind, type) else KINDS[kind]
        titles.setdefault(problem.status, []).append(problem.title)
    return {status: _documented(" · ".join(names)) for status, names in titles.items()}


def document_problems(schema: dict[str, Any]) -> None:
    """Add to an OpenAPI document, in place, the problems that any operation can answer."""
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    for path in schema["paths"].values():
        for operation in path.values():
            _add_common_problems(operation)
    for generated in ("HTTPValidationError", "ValidationError"):
        schemas.pop(generated, None)


def _add_common_problems(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status in _common_statuses(operation):
        text = str(status)
        if text not in responses or "application/json" in responses[text].get("content", {}):
            responses[text] = _documented(
                KINDS[status].title if status in KINDS else _title(status)
            )
    operation["responses"] = dict(sorted(responses.items()))


def _common_statuses(operation: Mapping[str, Any]) -> set[int]:
    parameters = operation.get("parameters", [])
    statuses = set(_EVERYWHERE)
    if "requestBody" in operation:
        statuses |= set(_WITH_BODY)
    if parameters:
        statuses.add(422)
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.add(404)
    if operation.get("security"):
        statuses.add(401)
    return statuses


def _title(status: int) -> str:
    return HTTPStatus(status).phrase.capitalize()


def _documented(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _SCHEMA_REF}}}

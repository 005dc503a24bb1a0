"""A FastAPI route as one direct call.

A route is written for FastAPI: decorator, annotations, dependencies, OpenAPI. Serving it in
FastAPI's general way costs several times what the route itself does (docs/performance.md). So a
route's signature is compiled once, at the start: the middleware, which knows the route already,
calls it without walking routers or middlewares again, and the response leaves as the bytes that
pydantic-core made. The bytes are the same either way (`tests/contracts/test_compiled_routes.py`).

A route that is not supported is served by FastAPI, as `NotCompilable` says.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, cast

from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import _is_async_gen_callable
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.params import File, Form
from fastapi.routing import APIRoute, RouteContext
from fastapi.utils import is_body_allowed_for_status_code
from pydantic import BaseModel
from starlette._utils import is_async_callable
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope

from app.errors import Internal, Problem
from app.request.bodies import Body, replay
from app.request.json_body import ErrorDetail, JsonBody, ReadBody
from app.request.media_types import JSON
from app.request.ready_json import ReadyJson
from app.request.responses import ResponseSender
from app.request.signature import Inputs, NotCompilable, compile_signature
from app.request.strict_json import read_json
from app.telemetry.logs import get_logger

_NO_BODY: ReadBody = (None, [])
_JSON_CONTENT_TYPE = (b"content-type", JSON.encode())


class CompiledRoute:
    """One route. Belongs to the app whose `exception_handlers` it is given."""

    def __init__(
        self, context: RouteContext, exception_handlers: Mapping[Any, ExceptionHandler]
    ) -> None:
        """Raises `NotCompilable`."""
        _refuse_unsupported(context)
        self._exception_handlers = exception_handlers
        self._context = context
        self._endpoint = cast(Callable[..., Any], context.endpoint)
        self._signature = compile_signature(context.dependant)
        self._has_generators = self._signature.has_generators
        self._body = None if context.body_field is None else JsonBody(context.body_field)
        self._status: int = context.status_code or 200
        self._response_class = _response_class(context)
        self._to_json = None if context.response_field is None else _serializer(context)

    def read_body(self, body: Body | None) -> ReadBody:
        """The body as this route takes it. Raises `BadRequest` unless JSON is strict JSON."""
        if self._body is None:
            return _ignore(body)
        if body is None or not body.content:
            return self._body.absent
        try:
            if body.media_type != JSON:
                return self._body.read_other(body.content)
            return self._body.read(body.content)
        except Problem:
            raise
        except Exception as error:  # of a validator: the app may have a handler for it
            return None, [error]

    async def respond(
        self,
        scope: Scope,
        receive: Receive,
        response: ResponseSender,
        *,
        body: Body | None,
        value: ReadBody,
    ) -> None:
        """Call the endpoint and send what it returns."""
        scope["route"] = self._context.original_route
        scope["endpoint"] = self._endpoint
        if self._body is None:
            request = Request(scope, replay(body, receive), response.send)
        else:
            request = Request(scope, receive, response.send)
            request._body = b"" if body is None else body.content  # as if it had been read
        try:
            if self._has_generators:
                await self._respond_with_generators(request, response, value)
            else:
                inputs = Inputs(request, *value, None)
                await self._send(await self._call(inputs), inputs, response)
        except Exception as error:
            await self._respond_to_error(request, response, error)

    async def _respond_with_generators(
        self, request: Request, response: ResponseSender, value: ReadBody
    ) -> None:
        async with AsyncExitStack() as stack:
            inputs = Inputs(request, *value, stack)
            await self._send(await self._call(inputs), inputs, response)
            return
        raise RuntimeError("A dependency that yields has swallowed an error.")

    async def _call(self, inputs: Inputs) -> Any:
        arguments = await self._signature.arguments(inputs)
        if inputs.errors:
            raise _request_error(inputs.errors)
        return await self._endpoint(**arguments)

    async def _send(self, content: Any, inputs: Inputs, response: ResponseSender) -> None:
        if type(content) is ReadyJson:
            await response.send_whole(content.status_code, [*content.raw_headers], content.body)
            return
        if isinstance(content, Response):
            request = inputs.request
            await content(request.scope, request.receive, response.send)
            return
        headers = inputs.response
        if self._to_json is None:
            await self._send_undeclared(content, inputs, response)
            return
        body = self._to_json(content)
        if headers is not None and headers.status_code is not None:
            await self._send_encoded(
                Response(body, headers.status_code, media_type=JSON), inputs, response
            )
            return
        lines = [(b"content-length", b"%d" % len(body)), _JSON_CONTENT_TYPE]
        if headers is not None:
            lines += headers.raw_headers
        await response.send_whole(self._status, lines, body)

    async def _send_undeclared(
        self, content: Any, inputs: Inputs, response: ResponseSender
    ) -> None:
        """Send what has no declared model, as FastAPI encodes it."""
        headers = inputs.response
        status = (headers and headers.status_code) or self._context.status_code
        options: dict[str, Any] = {} if status is None else {"status_code": status}
        encoded = self._response_class(jsonable_encoder(content), **options)
        await self._send_encoded(encoded, inputs, response)

    async def _send_encoded(
        self, encoded: Response, inputs: Inputs, response: ResponseSender
    ) -> None:
        """Send a response, with the headers that the functions set."""
        if not is_body_allowed_for_status_code(encoded.status_code):
            encoded.body = b""
        if inputs.response is not None:
            encoded.raw_headers.extend(inputs.response.raw_headers)
        await encoded(inputs.request.scope, inputs.request.receive, response.send)

    async def _respond_to_error(
        self, request: Request, response: ResponseSender, error: Exception
    ) -> None:
        """Send what the app's handler makes of this error. Raises it if there is none.

        As in FastAPI, what the handler raises goes to its own handler.
        """
        try:
            await self._handle(request, response, error)
        except Exception as raised:
            if raised is error:
                raise
            await self._handle(request, response, raised)

    async def _handle(self, request: Request, response: ResponseSender, error: Exception) -> None:
        handler: Any = self._handler_of(error)
        if handler is None:
            raise error
        if response.is_started:
            raise RuntimeError("The request failed after the response had begun.") from error
        if is_async_callable(handler):
            answer = await handler(request, error)
        else:
            answer = await run_in_threadpool(handler, request, error)
        if answer is not None:
            await answer(request.scope, request.receive, response.send)

    def _handler_of(self, error: Exception) -> ExceptionHandler | None:
        """The app's handler; those of all exceptions are the middleware's affair."""
        handlers = self._exception_handlers
        if isinstance(error, HTTPException) and error.status_code != Internal.status:
            handler = handlers.get(error.status_code)
            if handler is not None:
                return handler
        kinds = (kind for kind in type(error).__mro__ if kind is not Exception)
        return next((handlers[kind] for kind in kinds if kind in handlers), None)


class UncompiledRoute:
    """Any route that the app has to serve in its own way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def read_body(self, body: Body | None) -> ReadBody:
        """Raises `BadRequest` unless JSON is strict JSON."""
        return _ignore(body)

    async def respond(
        self,
        scope: Scope,
        receive: Receive,
        response: ResponseSender,
        *,
        body: Body | None,
        value: ReadBody,
    ) -> None:
        """Have the app respond, which reads the body itself."""
        await self._app(scope, replay(body, receive), response.send)


def _ignore(body: Body | None) -> ReadBody:
    """Raises `BadRequest` for wrong JSON, although nobody reads it here."""
    if body is not None and body.media_type == JSON:
        read_json(body.content)
    return _NO_BODY


def compile_route(
    context: RouteContext, *, exception_handlers: Mapping[Any, ExceptionHandler]
) -> CompiledRoute | None:
    """The compiled route, or None with a line in the log that says why FastAPI serves it."""
    route = f"{' '.join(sorted(context.methods or ()))} {context.path_format}"
    try:
        compiled = CompiledRoute(context, exception_handlers)
    except NotCompilable as error:
        get_logger().debug("route.not_compiled", route=route, reason=str(error))
        return None
    get_logger().debug("route.compiled", route=route)
    return compiled


def _serializer(context: RouteContext) -> Callable[[Any], bytes]:
    """What makes the JSON of the route's return value, which has to be valid."""
    field = context.response_field
    options = {
        "include": context.response_model_include,
        "exclude": context.response_model_exclude,
        "by_alias": context.response_model_by_alias,
        "exclude_unset": context.response_model_exclude_unset,
        "exclude_defaults": context.response_model_exclude_defaults,
        "exclude_none": context.response_model_exclude_none,
    }

    def validated_to_json(content: Any) -> bytes:
        value, errors = field.validate(content, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors)
        return cast(bytes, field.serialize_json(value, **options))

    model = context.response_model
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return validated_to_json
    if model.model_config.get("revalidate_instances", "never") != "never":
        return validated_to_json
    # An instance of the model is valid, and its own serializer makes the same JSON (2 µs less).
    serialize = model.__pydantic_serializer__.to_json
    changed = {
        name: value
        for name, value in options.items()
        if name == "by_alias" or value not in (None, False)
    }

    def model_to_json(content: Any) -> bytes:
        if type(content) is model:
            return serialize(content, **changed)
        return validated_to_json(content)

    return model_to_json


def _request_error(errors: list[ErrorDetail]) -> Exception:
    raised = (error for error in errors if isinstance(error, Exception))
    return next(raised, None) or RequestValidationError(errors)


def _response_class(context: RouteContext) -> type[Response]:
    given = context.response_class
    found = given.value if isinstance(given, DefaultPlaceholder) else given
    return cast(type[Response], found)


def _refuse_unsupported(context: RouteContext) -> None:
    route = context.original_route
    if type(route) is not APIRoute:
        raise NotCompilable(f"{type(route).__name__} is not a plain APIRoute")
    if _is_async_gen_callable(context.endpoint):
        raise NotCompilable("it streams what the endpoint yields")
    if context.max_body_size is not None:
        raise NotCompilable("it has a body limit of its own")
    is_default_class = isinstance(context.response_class, DefaultPlaceholder)
    if context.response_field is not None and not is_default_class:
        raise NotCompilable("it has a response model and a response class")
    if context.response_field is not None and not is_body_allowed_for_status_code(
        context.status_code
    ):
        raise NotCompilable("its status has no body")
    if context._embed_body_fields:
        raise NotCompilable("its body has one member for each parameter")
    if context.body_field is not None and isinstance(context.body_field.field_info, File | Form):
        raise NotCompilable("its body is a form")

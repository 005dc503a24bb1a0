"""What a route or dependency takes from a request, worked out once from its signature.

FastAPI keeps a signature as a tree (`Dependant`) and walks it for each request in the most
general way. Here the tree is compiled into the steps that this signature needs. The order of the
steps, the values and the errors are those of `fastapi.dependencies.utils.solve_dependencies`.

`NotCompilable` names what is not supported; FastAPI then serves the route.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from inspect import Parameter, signature
from typing import Any

from fastapi._compat import ModelField, field_annotation_is_scalar
from fastapi.dependencies.models import (
    Dependant,
    _is_async_gen_callable,
    _is_coroutine_callable,
)
from fastapi.params import Param
from starlette.requests import Request
from starlette.responses import Response

from app.headers import first_value
from app.request.json_body import ErrorDetail

Functions = frozenset[Callable[..., Any] | None]
_CONSTANTS = (type(None), str, int, float, bool, Enum)


class NotCompilable(Exception):
    """FastAPI has to serve this route; the message says why."""


class HeaderResponse(Response):
    """What an endpoint's `response` parameter is: headers and a status for the real response."""

    def __init__(self) -> None:
        self.raw_headers = []
        self.status_code = None  # type: ignore[assignment]


@dataclass(slots=True)
class Inputs:
    """What the steps of one request work on. `errors` collects what is wrong with the request."""

    request: Request
    body: Any
    body_errors: Sequence[ErrorDetail]
    stack: AsyncExitStack | None
    """Closed after the response was sent; there is one if a dependency yields."""
    errors: list[ErrorDetail] = field(default_factory=list)
    response: HeaderResponse | None = None
    solved: dict[Callable[..., Any], Any] = field(default_factory=dict)
    """The values of dependencies that are used more than once, by their function."""


class Signature:
    """The arguments of one endpoint or dependency."""

    def __init__(self, dependant: Dependant, *, shared: Functions) -> None:
        """`shared` are the functions that the whole tree uses more than once."""
        _refuse_unsupported(dependant)
        self._dependencies = [_Dependency(sub, shared=shared) for sub in dependant.dependencies]
        self._parameters = list(_parameters(dependant))
        self._body_name = dependant.body_params[0].name if dependant.body_params else None
        self._request_name = dependant.request_param_name or dependant.http_connection_param_name
        self._response_name = dependant.response_param_name

    @property
    def takes_only_the_request(self) -> bool:
        others = self._dependencies or self._parameters or self._body_name or self._response_name
        return self._request_name is not None and not others

    @property
    def has_generators(self) -> bool:
        return any(one.is_generator or one.signature.has_generators for one in self._dependencies)

    async def arguments(self, inputs: Inputs) -> dict[str, Any]:
        """The arguments; not to be used if this added to `inputs.errors`."""
        arguments: dict[str, Any] = {}
        for dependency in self._dependencies:
            if dependency.direct_call is not None:
                arguments[dependency.name] = await dependency.direct_call(inputs.request)
            else:
                await dependency.solve(inputs, arguments)
        for parameter in self._parameters:
            parameter.read(inputs, arguments)
        if self._body_name is not None:
            inputs.errors += inputs.body_errors
            arguments[self._body_name] = inputs.body
        if self._request_name is not None:
            arguments[self._request_name] = inputs.request
        if self._response_name is not None:
            if inputs.response is None:
                inputs.response = HeaderResponse()
            arguments[self._response_name] = inputs.response
        return arguments


def compile_signature(dependant: Dependant) -> Signature:
    """Raises `NotCompilable`."""
    tree = list(_tree(dependant))
    if sum(bool(one.body_params) for one in (dependant, *tree)) > 1:
        raise NotCompilable("several functions take the body")
    functions = [one.call for one in tree]
    shared = frozenset(one for one in functions if functions.count(one) > 1)
    return Signature(dependant, shared=shared)


def _tree(dependant: Dependant) -> Iterator[Dependant]:
    for dependency in dependant.dependencies:
        yield dependency
        yield from _tree(dependency)


class _Dependency:
    """One `Depends`: its function, and the name of the argument that gets the value.

    `direct_call` is set for the most frequent kind, a function that takes nothing but the request:
    nothing has to be collected for it (1 µs less).
    """

    def __init__(self, dependant: Dependant, *, shared: Functions) -> None:
        if dependant.scope is not None:
            raise NotCompilable(f"{_name_of(dependant.call)} has a scope of its own")
        self.signature = Signature(dependant, shared=shared)
        self.is_generator = _is_generator(dependant)
        self.name = dependant.name or ""
        self._call: Callable[..., Any] = _call_of(dependant)
        self._key = dependant.call if dependant.call in shared else None
        self._use_cache = dependant.use_cache
        is_direct = (
            self.name
            and self._key is None
            and not self.is_generator
            and self.signature.takes_only_the_request
            and _takes_positional(self._call)
        )
        self.direct_call = self._call if is_direct else None

    async def solve(self, inputs: Inputs, arguments: dict[str, Any]) -> None:
        """Add the value to the arguments of what depends on it, unless the request is wrong."""
        error_count = len(inputs.errors)
        own = await self.signature.arguments(inputs)
        if len(inputs.errors) > error_count:
            return
        if self._key is not None and self._use_cache and self._key in inputs.solved:
            value = inputs.solved[self._key]
        else:
            value = await self._value(inputs, own)
        if self.name:
            arguments[self.name] = value

    async def _value(self, inputs: Inputs, own: dict[str, Any]) -> Any:
        if self.is_generator:
            assert inputs.stack is not None
            value = await inputs.stack.enter_async_context(self._call(**own))
        else:
            value = await self._call(**own)
        if self._key is not None:
            inputs.solved.setdefault(self._key, value)
        return value


class _Parameter:
    """A single value from the path, the query, a header or a cookie."""

    def __init__(self, model_field: ModelField, read: Callable[[Request, str], str | None]) -> None:
        _refuse_unsupported_field(model_field)
        info = model_field.field_info
        assert isinstance(info, Param)
        self._name = model_field.name
        self._alias = model_field.alias
        self._location = (info.in_.value, self._alias)
        self._validate = model_field.validate
        self._read = read
        self._is_required = info.is_required()
        self._default = None if self._is_required else model_field.get_default()

    def read(self, inputs: Inputs, arguments: dict[str, Any]) -> None:
        text = self._read(inputs.request, self._alias)
        if text is None:
            self._use_default(inputs, arguments)
            return
        value, errors = self._validate(text, {}, loc=self._location)
        if errors:
            inputs.errors += errors
        else:
            arguments[self._name] = value

    def _use_default(self, inputs: Inputs, arguments: dict[str, Any]) -> None:
        if self._is_required:
            missing = {"type": "missing", "loc": self._location, "msg": "Field required"}
            inputs.errors.append(missing)
        else:
            arguments[self._name] = self._default


def _parameters(dependant: Dependant) -> Iterator[_Parameter]:
    for model_field in dependant.path_params:
        yield _Parameter(model_field, lambda request, name: request.scope["path_params"].get(name))
    for model_field in dependant.query_params:
        yield _Parameter(model_field, _query_value)
    for model_field in dependant.header_params:
        yield _Parameter(model_field, _header_reader(model_field))
    for model_field in dependant.cookie_params:
        yield _Parameter(model_field, lambda request, name: request.cookies.get(name))


def _query_value(request: Request, name: str) -> str | None:
    # Most requests have no query, and then it is not parsed.
    return request.query_params.get(name) if request.scope["query_string"] else None


def _header_reader(model_field: ModelField) -> Callable[[Request, str], str | None]:
    wanted = model_field.alias.lower().encode("latin-1")

    def header_value(request: Request, _: str) -> str | None:
        value = first_value(request.scope["headers"], wanted)
        return None if value is None else str(value, "latin-1")

    return header_value


def _call_of(dependant: Dependant) -> Callable[..., Any]:
    call = dependant.call
    assert call is not None
    return asynccontextmanager(call) if _is_generator(dependant) else call


def _takes_positional(call: Callable[..., Any]) -> bool:
    (parameter,) = signature(call).parameters.values()
    return parameter.kind is not Parameter.KEYWORD_ONLY


def _is_generator(dependant: Dependant) -> bool:
    return _is_async_gen_callable(dependant.call)


def _refuse_unsupported(dependant: Dependant) -> None:
    call = dependant.call
    body_params: list[ModelField] = dependant.body_params
    if not (_is_generator(dependant) or _is_coroutine_callable(call)):
        raise NotCompilable(f"{_name_of(call)} is not async")
    if dependant.concurrency is not None:
        raise NotCompilable(f"{_name_of(call)} has a concurrency limit")
    if dependant.own_oauth_scopes or dependant.security_scopes_param_name:
        raise NotCompilable(f"{_name_of(call)} has OAuth scopes")
    if dependant.background_tasks_param_name or dependant.websocket_param_name:
        raise NotCompilable(f"{_name_of(call)} takes background tasks or a websocket")
    if dependant.request_param_name and dependant.http_connection_param_name:
        raise NotCompilable(f"{_name_of(call)} takes the request twice")
    if len(body_params) > 1:
        raise NotCompilable(f"{_name_of(call)} takes several bodies")
    for model_field in body_params:
        _refuse_made_default(model_field)


def _refuse_unsupported_field(model_field: ModelField) -> None:
    info = model_field.field_info
    if info.validation_alias not in (None, model_field.alias):
        raise NotCompilable(f"{model_field.name} has several names")
    if not field_annotation_is_scalar(info.annotation):
        raise NotCompilable(f"{model_field.name} is not a single value")
    _refuse_made_default(model_field)


def _refuse_made_default(model_field: ModelField) -> None:
    info = model_field.field_info
    if info.is_required():
        return
    is_made = info.validate_default or info.default_factory is not None
    if is_made or not isinstance(info.default, _CONSTANTS):
        raise NotCompilable(f"{model_field.name} has a default that is made for each request")


def _name_of(call: object) -> str:
    return getattr(call, "__qualname__", type(call).__qualname__)

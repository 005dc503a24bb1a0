"""Which route answers a request: found once, before anything else is decided about it.

So a shed request has its route in the metrics, too, and nothing walks the routers again.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.routing import RouteContext, iter_route_contexts
from starlette.convertors import Convertor
from starlette.routing import BaseRoute
from starlette.types import Scope

from app.request.compiled_route import CompiledRoute
from app.telemetry.metrics import UNMATCHED


def head_as_get(scope: Scope) -> Scope:
    """Have HEAD routed like GET; the server leaves the body out."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


@dataclass(frozen=True, slots=True)
class _Route:
    template: str
    pattern: re.Pattern[str]
    convertors: Mapping[str, Convertor[Any]]
    methods: frozenset[str] | None
    compiled: CompiledRoute | None

    def allows(self, method: str) -> bool:
        return self.methods is None or method in self.methods


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """The route of a request. If `compiled` is None, the app has to find out what it answers."""

    template: str
    compiled: CompiledRoute | None = None
    path_params: Mapping[str, Any] = field(default_factory=dict)


_NO_MATCH = RouteMatch(UNMATCHED)
CompileRoute = Callable[[RouteContext], CompiledRoute | None]


class RouteTable:
    """The routes of an app, with the prefixes of their routers.

    `scope["route"].path` lacks those prefixes since FastAPI 0.137.
    """

    def __init__(
        self, routes: Sequence[BaseRoute], *, compile_route: CompileRoute = lambda _: None
    ) -> None:
        self._routes = [
            _Route(
                context.path_format,
                context.path_regex,
                context.param_convertors,
                None if context.methods is None else frozenset(context.methods),
                compile_route(context),
            )
            for context in iter_route_contexts(routes)
            if context.path_format is not None
        ]
        # Most hot paths have no parameters: one look-up finds them.
        self._literals = {
            (route.template, method): self._search(route.template, method)
            for route in self._routes
            if "{" not in route.template
            for method in route.methods or ()
        }

    def find(self, path: str, method: str) -> RouteMatch:
        """The first route that answers `method` on `path`.

        Without one, the template of the first route of that path, else `unmatched`.
        """
        literal = self._literals.get((path, method))
        return literal if literal is not None else self._search(path, method)

    def operations(self) -> Iterator[tuple[str, str]]:
        """Every (template, method) the app answers."""
        for route in self._routes:
            for method in sorted(route.methods or ()):
                yield route.template, method

    def allowed_methods(self, path: str) -> list[str]:
        """The methods `path` answers to, for `Allow`."""
        methods = {
            method
            for route in self._routes
            if route.pattern.match(path)
            for method in route.methods or ()
        }
        return sorted(methods | {"HEAD"} if "GET" in methods else methods)

    def _search(self, path: str, method: str) -> RouteMatch:
        other_method = _NO_MATCH
        for route in self._routes:
            match = route.pattern.match(path)
            if match is None:
                continue
            if route.allows(method):
                return _route_match(route, match)
            if other_method is _NO_MATCH:
                other_method = RouteMatch(route.template)
        return other_method


def _route_match(route: _Route, match: re.Match[str]) -> RouteMatch:
    try:
        path_params = {
            name: route.convertors[name].convert(text) for name, text in match.groupdict().items()
        }
    except ValueError:
        # Of an integer with 5,000 digits, for example. The app raises it again where it is handled.
        return RouteMatch(route.template)
    return RouteMatch(route.template, route.compiled, path_params)

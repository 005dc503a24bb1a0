"""The route template of a request, known before the app routes it.

So a shed request has its route in the metrics, too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import Scope

from app.telemetry.metrics import UNMATCHED


def head_as_get(scope: Scope) -> Scope:
    """Have HEAD routed like GET; the server leaves the body out."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


@dataclass(frozen=True, slots=True)
class _Route:
    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str] | None

    def allows(self, method: str) -> bool:
        return self.methods is None or method in self.methods


class RouteTable:
    """The route templates of an app, with the prefixes of their routers.

    `scope["route"].path` lacks those prefixes since FastAPI 0.137.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = [
            _Route(context.path_format, context.path_regex, _methods(context.methods))
            for context in iter_route_contexts(routes)
            if context.path_format is not None
        ]
        # Most hot paths have no parameters: one look-up resolves them.
        self._literals = {
            route.template: self._matching(route.template)
            for route in self._routes
            if "{" not in route.template
        }

    def resolve(self, path: str, method: str) -> str:
        """The template that answers `method` on `path`, else one of that path, else `unmatched`."""
        matching = self._literals.get(path)
        if matching is None:
            matching = self._matching(path)
        for route in matching:
            if route.allows(method):
                return route.template
        return matching[0].template if matching else UNMATCHED

    def operations(self) -> Iterator[tuple[str, str]]:
        """Every (template, method) the app answers."""
        for route in self._routes:
            for method in sorted(route.methods or ()):
                yield route.template, method

    def allowed_methods(self, path: str) -> list[str]:
        """The methods `path` answers to, for `Allow`."""
        methods = {method for route in self._matching(path) for method in route.methods or ()}
        return sorted(methods | {"HEAD"} if "GET" in methods else methods)

    def _matching(self, path: str) -> list[_Route]:
        return [route for route in self._routes if route.pattern.match(path)]


def _methods(methods: set[str] | None) -> frozenset[str] | None:
    return None if methods is None else frozenset(methods)

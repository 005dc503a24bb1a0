"""`create_app`: a FastAPI app with everything every service has."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property, partial
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.process.background import BackgroundTask, run_in_background
from app.process.health import Health
from app.process.lifecycle import Lifecycle
from app.request.admission import AdmissionControl, Priority
from app.request.compiled_route import compile_route
from app.request.documentation import documentation_router
from app.request.media_types import JSON
from app.request.middleware import RequestMiddleware
from app.request.operations import Operations, serve_operations
from app.request.problems import document_problems, install_error_handlers
from app.request.routing import RouteTable
from app.request.shedding import Refusals, Shedding
from app.settings import ServiceSettings
from app.telemetry.event_loop_lag import measure_lag
from app.telemetry.logs import configure_logging
from app.telemetry.metrics import Metrics

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]


class ServiceApp(FastAPI):
    """FastAPI with compiled routes, whose OpenAPI document lists every status of an operation."""

    with_shedding: Callable[[ASGIApp], ASGIApp]
    """Puts the outermost layer around the others, which may be added later."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        # FastAPI's own outer layers answer unexpected errors, limit bodies and observe both.
        # `RequestMiddleware` does all that, and each layer costs each request.
        stack: Any = super().build_middleware_stack()
        outermost: object = self.user_middleware[0].cls
        while type(stack) is not outermost:
            stack = stack.app
        return self.with_shedding(cast(ASGIApp, stack))

    @property
    def route_table(self) -> RouteTable:
        """All routes, compiled where possible. Made once, when all routers are included.

        Dependencies are overridden in tests only, and by FastAPI.
        """
        return self._plain_routes if self.dependency_overrides else self._compiled_routes

    @cached_property
    def _compiled_routes(self) -> RouteTable:
        if not self.state.settings.compile_routes:
            return self._plain_routes
        return RouteTable(
            self.routes,
            compile_route=partial(compile_route, exception_handlers=self.exception_handlers),
        )

    @cached_property
    def _plain_routes(self) -> RouteTable:
        return RouteTable(self.routes)

    def allowed_methods(self, path: str) -> list[str]:
        """The methods `path` answers to."""
        return self.route_table.allowed_methods(path)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document_problems(super().openapi())
        return super().openapi()


def create_app(
    settings: ServiceSettings,
    *,
    service: str,
    description: str,
    metrics: Metrics,
    health: Health,
    lifespan: Lifespan,
    routers: Sequence[APIRouter],
    priorities: Mapping[str, Priority] | None = None,
    accepted: Sequence[str] = (JSON,),
    public: bool = False,
    refusals: Refusals | None = None,
) -> FastAPI:
    """The app of one service.

    `lifespan` opens what the service needs and yields it as the state of its requests.
    `priorities` maps "METHOD /v1/template" to what is shed last or first under load.
    `accepted` are the media types of request bodies; others are answered 415.
    `public` is for a service that strangers reach: it ignores their time budgets and hides its
    metrics from them (`app.request.operations`).
    `refusals` are the responses to what is shed; problems if there are none.

    `app.state` has `settings`, `metrics`, `health`, `lifecycle`, `operations` and `service`.
    """
    lifecycle = Lifecycle()
    admission = AdmissionControl.of(settings, metrics)
    operations = Operations(metrics=metrics, health=health, lifecycle=lifecycle, public=public)
    app = ServiceApp(
        title=f"Cartwheel: {service}",
        description=description,
        version=settings.version,
        lifespan=_with_telemetry(settings, service, metrics, lifespan, admission=admission),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # An extra slash is a 404 like any other wrong address, not an undocumented redirect.
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.settings = settings
    app.state.service = service
    app.state.metrics = metrics
    app.state.health = health
    app.state.lifecycle = lifecycle
    app.state.operations = operations
    app.with_shedding = partial(
        Shedding,
        routes=lambda: app.route_table,
        metrics=metrics,
        operations=operations,
        admission=admission,
        priorities=priorities or {},
        refusals=refusals or Refusals(),
    )
    app.add_middleware(
        RequestMiddleware,
        routes=lambda: app.route_table,
        settings=settings,
        metrics=metrics,
        operations=operations,
        admission=admission,
        priorities=priorities or {},
        accepted=frozenset(accepted),
        public=public,
    )
    install_error_handlers(app, app.allowed_methods)
    for router in routers:
        app.include_router(router)
    app.include_router(documentation_router(app))
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _with_telemetry(
    settings: ServiceSettings,
    service: str,
    metrics: Metrics,
    lifespan: Lifespan,
    *,
    admission: AdmissionControl,
) -> Lifespan:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        configure_logging(settings, service)
        assert isinstance(app, ServiceApp)
        metrics.expect_requests(
            (route, method) for route, method in app.route_table.operations() if method != "HEAD"
        )
        operations, lifecycle = app.state.operations, app.state.lifecycle
        lag = BackgroundTask(
            "measure the event loop's lag",
            partial(measure_lag, metrics.event_loop_lag, report=admission.observe_lag),
        )
        async with (
            run_in_background(lag),
            lifespan(app) as state,
            serve_operations(operations, settings, lifecycle),
        ):
            yield state

    return run

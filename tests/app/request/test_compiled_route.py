"""A compiled route answers as FastAPI's own way does, and what cannot be compiled still works."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
import structlog
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Depends,
    FastAPI,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
)
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.security import HTTPBearer, SecurityScopes
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from app.errors import NotFound
from app.request.ready_json import ReadyJson
from tests.app.small import build
from tests.app.two_ways import NOTES, TwoWays, compiled_operations, two_ways
from tests.contracts.documents import app_of
from tests.support.asgi import call, running
from tests.support.shop import SERVICES


class Item(BaseModel):
    name: str
    day: date | None = None
    price: Annotated[float, Field(serialization_alias="priceInEuro")] = 1.5


class Detailed(Item):
    secret: str = "hidden"


class Aliased(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)
    name: Annotated[str, Field(alias="theName")] = "a"


class Checked(BaseModel):
    model_config = ConfigDict(revalidate_instances="always")
    count: Annotated[int, Field(ge=1)] = 1


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What was logged, at all levels; printing the errors of a test would take seconds."""
    configured = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with structlog.testing.capture_logs() as lines:
        yield lines
    structlog.configure(**configured)


answers = APIRouter()


@answers.get("/model")
async def model() -> Item:
    return Item(name="é \u2028 </script>")


@answers.get("/subclass")
async def subclass() -> Item:
    return Detailed(name="a")


@answers.get("/mapping")
async def mapping() -> Item:
    return {"name": "a", "day": "2026-01-01", "other": 1}  # type: ignore[return-value]


@answers.get("/invalid")
async def invalid() -> Item:
    return {"day": "never"}  # type: ignore[return-value]


@answers.get("/none-for-a-model")
async def none_for_a_model() -> Item:
    return None  # type: ignore[return-value]


@answers.get("/constructed")
async def constructed() -> Item:
    return Item.model_construct(name="a", price=float("inf"))


@answers.get("/list")
async def many() -> list[Item]:
    return [Item(name="a"), Detailed(name="b")]


@answers.get("/union")
async def union() -> Item | int | None:
    return 3


@answers.get("/nothing")
async def nothing() -> None:
    return None


@answers.get("/undeclared")
async def undeclared():  # type: ignore[no-untyped-def]
    return {"day": date(2026, 1, 1), "items": {Item(name="a").name}, "model": Item(name="b")}


@answers.get("/not-a-number")
async def not_a_number():  # type: ignore[no-untyped-def]
    return float("nan")


@answers.get("/response")
async def response_itself(response: Response) -> Response:
    response.headers["x-lost"] = "1"
    return Response(b"raw", status_code=203, headers={"x-own": "1"}, media_type="text/odd")


READY = ReadyJson(b'{"name":"a"}', headers={"x-own": "1"})


@answers.get("/ready", response_model=Item)
async def ready() -> ReadyJson:
    return READY


@answers.get("/raw-stream", response_class=StreamingResponse)
async def raw_stream() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


@answers.get("/stream")
async def stream() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    return StreamingResponse(chunks(), media_type="text/plain")


@answers.get("/broken-stream")
async def broken_stream() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        raise HTTPException(418)

    return StreamingResponse(chunks(), media_type="text/plain")


@answers.get("/file")
async def file() -> FileResponse:
    return FileResponse(Path(__file__))


@answers.get("/redirect")
async def redirect(request: Request) -> RedirectResponse:
    return RedirectResponse(request.url_for("model"))


@answers.get("/background")
async def background() -> Response:
    return Response(background=BackgroundTask(NOTES.append, "background task"))


@answers.post("/created", status_code=201)
async def created() -> Item:
    return Item(name="a")


@answers.delete("/deleted", status_code=204)
async def deleted() -> None: ...


@answers.get("/not-modified", status_code=304)
async def not_modified() -> None: ...


@answers.get("/status/{status}")
async def late_status(status: int, response: Response) -> Item:
    response.status_code = status
    return Item(name="a")


@answers.get("/status-of-nothing/{status}")
async def late_status_of_nothing(status: int, response: Response) -> None:
    response.status_code = status


@answers.get("/without-none", response_model_exclude_none=True)
async def without_none() -> Item:
    return Item(name="a")


@answers.get("/without-defaults", response_model_exclude_defaults=True)
async def without_defaults() -> Item:
    return Item(name="a", price=1.5)


@answers.get("/without-unset", response_model_exclude_unset=True)
async def without_unset() -> Item:
    return Item(name="a")


@answers.get("/by-name", response_model_by_alias=False)
async def by_name() -> Item:
    return Item(name="a")


@answers.get("/aliased")
async def aliased() -> Aliased:
    return Aliased(theName="a")


@answers.get("/aliased-by-name", response_model_by_alias=False)
async def aliased_by_name() -> Aliased:
    return Aliased(theName="a")


@answers.get("/checked")
async def checked() -> Checked:
    return Checked.model_construct(count=0)


@answers.get("/some", response_model_include={"name"})
async def some() -> Item:
    return Item(name="a")


@answers.get("/none-of-it", response_model_include=set())
async def none_of_it() -> Item:
    return Item(name="a")


@answers.get("/other-model", response_model=Item)
async def other_model() -> Any:
    return Detailed(name="a")


@answers.get("/html", response_class=HTMLResponse)
async def html():  # type: ignore[no-untyped-def]
    return "<p>"


@answers.get("/redirecting", response_class=RedirectResponse)
async def redirecting():  # type: ignore[no-untyped-def]
    return "/elsewhere"


@answers.get("/text", response_class=PlainTextResponse)
async def text() -> str:
    return "text"


ANSWERS = sorted(
    (method, route.path.replace("{status}", "202"))
    for route in answers.routes
    for method in route.methods  # type: ignore[attr-defined]
)


@pytest.mark.parametrize(("method", "path"), [*ANSWERS, ("HEAD", "/model"), ("HEAD", "/file")])
async def test_what_an_endpoint_returns(method: str, path: str) -> None:
    first = await two_ways(answers).answer(method, path)
    assert await two_ways(answers).answer(method, path) == first


@pytest.mark.parametrize("status", [204, 205, 304, 404, 500])
@pytest.mark.parametrize("path", ["/status", "/status-of-nothing"])
async def test_a_status_that_the_endpoint_sets(path: str, status: int) -> None:
    assert (await two_ways(answers).answer("GET", f"{path}/{status}")).status == status


leaving = APIRouter()


@leaving.get("/endless")
async def endless(request: Request) -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"."
                await asyncio.sleep(0)
        finally:
            NOTES.append("stopped")

    return StreamingResponse(chunks(), media_type="text/event-stream")


@leaving.post("/gone")
async def ask_whether_gone(request: Request) -> str:
    return str([await request.is_disconnected() for _ in range(3)])


async def test_a_stream_ends_when_its_client_is_gone() -> None:
    answer = await two_ways(leaving).answer("GET", "/endless", leaves=True)
    assert "stopped" in answer.notes


async def test_an_endpoint_learns_that_its_client_is_gone() -> None:
    await two_ways(leaving).answer("POST", "/gone", body=b"{}", leaves=True)


plain_text = APIRouter(default_response_class=PlainTextResponse)


@plain_text.get("/declared")
async def declared() -> str:
    return "text"


@plain_text.get("/not-declared")
async def not_declared():  # type: ignore[no-untyped-def]
    return "text"


@pytest.mark.parametrize("path", ["/declared", "/not-declared"])
async def test_a_response_class_of_a_router(path: str) -> None:
    answer = await two_ways(plain_text).answer("GET", path)
    assert answer.body == b"text"


class Own(Exception):
    pass


class Derived(Own):
    pass


class Unheard(Exception):
    pass


ERRORS = {
    "problem": NotFound("There is no such thing.", headers={"x-own": "1"}),
    "http": HTTPException(409, "detail", headers={"x-own": "1"}),
    "not found": HTTPException(404),
    "not allowed": HTTPException(405),
    "teapot": HTTPException(418),
    "by status": HTTPException(410),
    "server": HTTPException(503, headers={"retry-after": "3"}),
    "own": Own("own"),
    "derived": Derived("derived"),
    "unheard": Unheard("unheard"),
    "key": KeyError("key"),
    "from the handler": LookupError("handler raises"),
    "swallowed by its handler": ArithmeticError(),
}
failing = APIRouter()


@failing.get("/fails")
async def fail(kind: str) -> None:
    raise ERRORS[kind]


async def guarded() -> AsyncIterator[str]:
    NOTES.append("begins")
    try:
        yield "value"
    except Exception as error:
        NOTES.append(f"saw {error!r}")
        raise
    finally:
        NOTES.append("ends")


async def swallowing() -> AsyncIterator[None]:
    with suppress(Exception):
        yield


async def changing() -> AsyncIterator[None]:
    try:
        yield
    except Exception as error:
        raise Own("changed") from error


async def failing_afterwards() -> AsyncIterator[None]:
    yield
    raise HTTPException(409)


@failing.get("/guarded")
async def fail_guarded(
    one: Annotated[str, Depends(guarded)], two: Annotated[str, Depends(guarded)], kind: str = ""
) -> str:
    NOTES.append("endpoint")
    if kind:
        raise ERRORS[kind]
    return one + two


@failing.get("/swallowed", dependencies=[Depends(swallowing)])
async def fail_swallowed(kind: str = "") -> str:
    if kind:
        raise ERRORS[kind]
    return "nothing to swallow"


@failing.get("/changed", dependencies=[Depends(guarded), Depends(changing)])
async def fail_changed(kind: str) -> None:
    raise ERRORS[kind]


@failing.get("/late", dependencies=[Depends(failing_afterwards)])
async def fail_late() -> str:
    return "sent"


async def refuse() -> None:
    raise HTTPException(403)


@failing.get("/refused", dependencies=[Depends(guarded), Depends(refuse)])
async def refused(number: int) -> None:
    NOTES.append("never called")


def handle_errors(app: FastAPI) -> None:
    async def on_own(request: Request, error: Exception) -> Response:
        return JSONResponse({"handled": repr(error), "path": request.url.path}, status_code=499)

    def on_derived(request: Request, error: Exception) -> Response:
        return Response(f"not async: {error!r}", status_code=498)

    async def on_gone(request: Request, error: Exception) -> Response:
        return Response("by its status", status_code=497)

    async def on_lookup(request: Request, error: Exception) -> Response:
        raise HTTPException(409)

    async def on_arithmetic(request: Request, error: Exception) -> Response:
        return StreamingResponse(iter([b"streamed"]), status_code=496)

    app.add_exception_handler(Own, on_own)
    app.add_exception_handler(Derived, on_derived)
    app.add_exception_handler(410, on_gone)
    app.add_exception_handler(LookupError, on_lookup)
    app.add_exception_handler(ArithmeticError, on_arithmetic)


@pytest.mark.parametrize("path", ["/fails", "/guarded", "/swallowed", "/changed"])
@pytest.mark.parametrize("kind", ERRORS)
async def test_an_error(path: str, kind: str) -> None:
    ways = two_ways(failing, configure=handle_errors)
    await ways.answer("GET", path, query=f"kind={kind.replace(' ', '+')}".encode())


@pytest.mark.parametrize("path", ["/guarded", "/swallowed", "/late", "/refused"])
async def test_a_generator_ends_after_the_response(path: str) -> None:
    ways = two_ways(failing, configure=handle_errors)
    answer = await ways.answer("GET", path, query=b"number=1")
    if path == "/guarded":
        assert answer.notes[-1] == "ends"


class Validated(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def refuse_name(cls, name: str) -> str:
        if name == "problem":
            raise NotFound("There is no such name.")
        if name == "http":
            raise HTTPException(410)
        if name == "own":
            raise Own("own")
        raise ValueError("a bad name")


validating = APIRouter()


@validating.post("/validated")
async def take_validated(item: Validated) -> Validated:
    return item


@pytest.mark.parametrize("name", ["problem", "http", "own", "other"])
async def test_an_error_of_a_validator(name: str) -> None:
    ways = two_ways(validating, configure=handle_errors)
    await ways.answer("POST", "/validated", body=b'{"name":"%b"}' % name.encode())


inner = APIRouter(prefix="/inner", dependencies=[Depends(guarded)])
outer = APIRouter(prefix="/outer/{number}")
other = APIRouter()


@inner.get("/{name}")
async def read_inner(name: str, number: int, request: Request) -> dict[str, Any]:
    return {"name": name, "number": number, "path_params": request.path_params}


@inner.get("/files/{path:path}")
async def read_file(path: str) -> str:
    return path


@inner.get("/numbers/{n:int}")
async def read_number(n: int) -> int:
    return n


@other.post("/outer/{number}/inner/{name}")
async def write_inner(name: str, number: int) -> str:
    return name * number


@other.get("/outer/{number}/inner/first")
async def never_reached() -> str:
    return "shadowed"


outer.include_router(inner, prefix="/deep", dependencies=[Depends(refuse)])
outer.include_router(inner)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/outer/2/inner/a"),
        ("GET", "/outer/x/inner/a"),
        ("GET", "/outer/2/inner/first"),
        ("POST", "/outer/2/inner/a"),
        ("PUT", "/outer/2/inner/a"),
        ("GET", "/outer/2/deep/inner/a"),
        ("GET", "/outer/2/inner/a/"),
        ("GET", "/outer/2/inner/files/a/b"),
        ("GET", "/outer/2/inner/files/"),
        ("GET", "/outer/2/inner/files//a/../b"),
        ("GET", "/outer/2/inner/numbers/07"),
        ("GET", "/outer/2/inner/numbers/x"),
        ("GET", "/outer/2/inner/a%2Fb"),
        ("GET", "/outer/2/inner/é"),
        ("GET", "/outer/2/inner/a\n"),
        ("OPTIONS", "/outer/2/inner/a"),
        ("HEAD", "/outer/2/inner/a"),
        ("GET", "/none"),
    ],
)
async def test_routers_in_routers(method: str, path: str) -> None:
    await two_ways(outer, other).answer(method, path)


def plant(app: FastAPI) -> None:
    async def plain(request: Request) -> Response:
        return JSONResponse(request.path_params)

    sub = FastAPI()

    @sub.get("/{name}")
    async def read_sub(name: str, request: Request) -> list[str]:
        return [name, str(request.scope["root_path"])]

    app.router.routes.append(Route("/plain/{name}", plain))
    app.router.routes.append(Mount("/sub", sub))


@pytest.mark.parametrize("path", ["/plain/a", "/sub/a", "/sub/a/b", "/plain/", "/sub"])
async def test_routes_that_are_not_fastapis(path: str) -> None:
    ways = two_ways(other, configure=plant)
    await ways.answer("GET", path)
    assert "/plain/{name}" not in ways.compiled_routes


async def test_a_route_that_is_added_later_is_served_by_fastapi() -> None:
    ways = TwoWays(answers)
    await ways.answer("GET", "/model")
    for app in (ways.compiled, ways.plain):
        app.include_router(other)
    assert (await ways.answer("POST", "/outer/2/inner/a")).body == b'"aa"'


async def test_overridden_dependencies_are_used() -> None:
    async def value() -> str:
        return "overridden"

    def override(app: FastAPI) -> None:
        app.dependency_overrides[guarded] = value

    ways = TwoWays(failing, configure=override)
    answer = await ways.answer("GET", "/guarded")
    assert answer.body == b'"overriddenoverridden"'
    for app in (ways.compiled, ways.plain):
        app.dependency_overrides.clear()
    assert (await ways.answer("GET", "/guarded")).body == b'"valuevalue"'


uncompiled = APIRouter()


def threaded() -> str:
    return "threaded"


async def one_of_two(scopes: SecurityScopes) -> str:
    return scopes.scope_str


@uncompiled.get("/sync")
def sync_endpoint() -> str:
    return "sync"


@uncompiled.get("/sync-dependency")
async def sync_dependency(value: Annotated[str, Depends(threaded)]) -> str:
    return value


@uncompiled.post("/bodies")
async def two_bodies(one: Annotated[int, Body()], two: Annotated[int, Body()]) -> int:
    return one + two


@uncompiled.get("/list")
async def list_in_query(q: Annotated[list[int], Query()]) -> list[int]:
    return q


@uncompiled.get("/model-in-query")
async def model_in_query(q: Annotated[Item, Query()]) -> Item:
    return q


@uncompiled.get("/tasks")
async def tasks(tasks: BackgroundTasks) -> str:
    tasks.add_task(NOTES.append, "task")
    return "later"


@uncompiled.get("/function-scope")
async def function_scope(value: Annotated[str, Depends(guarded, scope="function")]) -> str:
    return value


@uncompiled.get("/class-with-model", response_class=PlainTextResponse)
async def class_with_model() -> str:
    return "plain"


@uncompiled.get("/scopes")
async def scopes(value: Annotated[str, Security(one_of_two, scopes=["a", "b"])]) -> str:
    return value


@uncompiled.get("/yields")
async def yields() -> AsyncIterator[Item]:
    yield Item(name="a")
    yield Item(name="b")


REQUESTS: dict[str, dict[str, Any]] = {
    "/bodies": {"body": b'{"one":1,"two":2}'},
    "/list": {"query": b"q=1&q=2"},
    "/model-in-query": {"query": b"name=a"},
}
UNCOMPILED = [route.path for route in uncompiled.routes]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", UNCOMPILED)
async def test_what_cannot_be_compiled_is_served_by_fastapi(path: str) -> None:
    ways = two_ways(uncompiled)
    method = "POST" if path == "/bodies" else "GET"
    assert (await ways.answer(method, path, **REQUESTS.get(path, {}))).status == 200
    assert ways.compiled_routes == set()


async def test_why_a_route_is_not_compiled_is_logged_once(logged: list[Any]) -> None:
    ways = TwoWays(uncompiled)
    for _ in range(3):
        await ways.answer("GET", "/sync")
    lines = [line for line in logged if line["event"] == "route.not_compiled"]
    found = {line["route"]: line for line in lines}
    assert len(found) == len(lines)
    assert set(found) == {f"{'POST' if path == '/bodies' else 'GET'} {path}" for path in UNCOMPILED}
    assert {one["log_level"] for one in found.values()} == {"debug"}
    assert found["GET /sync"]["reason"] == "sync_endpoint is not async"


secured = APIRouter()


@secured.get("/secured")
async def read_secured(token: Annotated[Any, Depends(HTTPBearer(auto_error=False))]) -> str:
    return str(token)


@pytest.mark.parametrize("lines", [[], [("Authorization", b"Bearer a")], [("Authorization", b"a")]])
async def test_security_of_fastapi(lines: list[tuple[str, bytes]]) -> None:
    await two_ways(secured).answer("GET", "/secured", lines=lines)


async def test_a_cancelled_request_lets_its_generators_end() -> None:
    router, started = APIRouter(), asyncio.Event()

    async def slow_to_end() -> AsyncIterator[None]:
        try:
            yield
        finally:
            NOTES.append("ends")

    @router.get("/waits", dependencies=[Depends(slow_to_end)])
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    NOTES.clear()
    for app in (TwoWays(router).compiled, TwoWays(router).plain):
        started.clear()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(call(app, "GET", "/waits"))
            await started.wait()
            task.cancel()
    assert NOTES == ["ends", "ends"]


@pytest.mark.parametrize("service", SERVICES)
def test_all_operations_of_the_services_are_compiled(service: str) -> None:
    table: Any = app_of(service).route_table  # type: ignore[attr-defined]
    assert set(table.operations()) - compiled_operations(table) == set()


async def test_what_an_endpoint_leaves_in_its_path_params_reaches_no_other_request() -> None:
    router = APIRouter()

    @router.get("/notes")
    async def notes(request: Request) -> list[str]:
        found = list(request.path_params)
        request.path_params["left behind"] = "by this request"
        return found

    app = build()
    app.include_router(router)
    async with running(app) as client:
        assert [(await client.get("/notes")).json() for _ in range(2)] == [[], []]

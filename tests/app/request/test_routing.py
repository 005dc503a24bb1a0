"""The route template of a request is known before the app routes it."""

import pytest
from fastapi import APIRouter, FastAPI

from app.request.routing import RouteTable, head_as_get

inner = APIRouter(prefix="/items")


@inner.get("/{item_id}")
@inner.delete("/{item_id}")
@inner.get("/new")
async def handle() -> None: ...


@pytest.fixture
def table() -> RouteTable:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    outer = APIRouter(prefix="/v1")
    outer.include_router(inner)
    app.include_router(outer)
    return RouteTable(app.routes)


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/v1/items/7", "/v1/items/{item_id}"),
        ("DELETE", "/v1/items/7", "/v1/items/{item_id}"),
        ("GET", "/v1/items/new", "/v1/items/new"),
        ("DELETE", "/v1/items/new", "/v1/items/{item_id}"),
        ("PATCH", "/v1/items/7", "/v1/items/{item_id}"),
        ("GET", "/v1/items/7/more", "unmatched"),
        ("GET", "/items/7", "unmatched"),
    ],
)
def test_a_request_has_the_template_with_all_prefixes(
    table: RouteTable, method: str, path: str, template: str
) -> None:
    assert table.find(path, method).template == template


def test_a_path_that_cannot_be_converted_is_left_to_the_app(table: RouteTable) -> None:
    app = FastAPI()
    app.get("/numbers/{number:int}")(handle)
    match = RouteTable(app.routes).find("/numbers/" + "9" * 5000, "GET")
    assert (match.template, match.compiled) == ("/numbers/{number}", None)


def test_a_path_has_the_methods_of_all_its_routes(table: RouteTable) -> None:
    assert table.allowed_methods("/v1/items/7") == ["DELETE", "GET", "HEAD"]


def test_head_is_routed_like_get() -> None:
    assert head_as_get({"method": "HEAD", "path": "/"}) == {"method": "GET", "path": "/"}
    scope = {"method": "POST", "path": "/"}
    assert head_as_get(scope) is scope

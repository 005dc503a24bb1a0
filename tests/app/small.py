"""A small service that uses every part of the library."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field, TypeAdapter

from app.errors import Conflict
from app.factory import create_app
from app.models import RequestModel, ResponseModel, Text
from app.process.health import Health
from app.request.admission import Priority
from app.request.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from app.request.problems import problems
from app.settings import ServiceSettings, load
from app.telemetry.metrics import Metrics

Name = Annotated[str, Text(1, 40)]
ItemId = Annotated[int, Path(ge=1, le=10_000)]
POSITION = TypeAdapter(tuple[Annotated[int, Field(ge=0, le=10_000)]])


class NewItem(RequestModel):
    name: Name
    quantity: Annotated[int, Field(ge=1, le=99)]


class Item(ResponseModel):
    id: int
    name: str


class TooMany(Conflict):
    type = "too-many"
    title = "Too many"


router = APIRouter(prefix="/v1")


@router.post("/items", status_code=201, responses=problems(TooMany))
async def add_item(item: NewItem) -> Item:
    if item.quantity == 99:
        raise TooMany("There are only 98.", available=98)
    return Item(id=1, name=item.name)


@router.get("/items/{item_id}")
async def read_item(item_id: ItemId) -> Item:
    return Item(id=item_id, name="thing")


@router.delete("/items/{item_id}", status_code=204)
async def remove_item(item_id: ItemId) -> None:
    return None


@router.get("/items")
async def list_items(limit: Limit = 2, cursor: Cursor = None) -> Page[Item]:
    (last,) = decode_cursor(cursor, "items", POSITION) if cursor else (0,)
    first = last + 1
    items = [Item(id=number, name="thing") for number in range(first, min(first + limit, 6))]
    following = encode_cursor([items[-1].id], "items") if first + limit < 6 else None
    return Page(items=items, next_cursor=following)


@router.get("/broken")
async def read_broken() -> Item:
    raise RuntimeError("password=hunter2 of someone@example.com")


@router.get("/slow")
async def read_slow(seconds: float = 0.2) -> Item:
    await asyncio.sleep(min(seconds, 5))
    return Item(id=1, name="slow")


@router.get("/gate")
async def read_gate(request: Request) -> Item:
    await request.app.state.gate.wait()
    return Item(id=1, name="gate")


@router.get("/events", response_class=EventSourceResponse)
async def read_events(request: Request) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(event="hello", data="1")
    await request.app.state.lifecycle.wait_draining()
    yield ServerSentEvent(event="bye", data="2")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    yield {}


def build(
    settings: ServiceSettings | None = None,
    *,
    health: Health | None = None,
    public: bool = False,
) -> FastAPI:
    app = create_app(
        settings or load(ServiceSettings),
        service="small",
        description="A service for tests.",
        metrics=Metrics("small"),
        health=health or Health(),
        lifespan=lifespan,
        routers=[router],
        priorities={"GET /v1/gate": Priority.LOW, "POST /v1/items": Priority.HIGH},
        public=public,
    )
    app.state.gate = asyncio.Event()
    return app


def create() -> FastAPI:
    return build()


def create_public() -> FastAPI:
    return build(public=True)

"""A compiled signature takes from a request what FastAPI does, and finds the same errors."""

from collections.abc import AsyncIterator
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import uuid4

import pytest
from fastapi import APIRouter, Body, Cookie, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from tests.app.two_ways import NOTES, two_ways


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Item(BaseModel):
    name: str
    count: int = 1


everything = APIRouter()


@everything.post("/all/{number}")
async def take_all(
    number: Annotated[int, Path(ge=1)],
    item: Item,
    q: Annotated[str, Query(min_length=2)],
    day: date | None = None,
    size: Size = Size.SMALL,
    kind: Literal["a", "b"] = "a",
    flag: bool = False,
    ratio: float = 1.5,
    short: Annotated[int | None, Query(alias="s")] = None,
    x_trace: Annotated[str | None, Header()] = None,
    plain: Annotated[str, Header(alias="X_Plain")] = "none",
    crumb: Annotated[int, Cookie()] = 0,
) -> dict[str, Any]:
    return {**locals(), "item": item.model_dump()}


GOOD = b'{"name":"a"}'


@pytest.mark.parametrize(
    "query",
    [
        b"q=ab",
        b"",
        b"q=a",
        b"q=",
        b"q",
        b"q=ab&q=cd",
        b"q=ab&q=",
        b"q=ab&day=2026-01-01",
        b"q=ab&day=",
        b"q=ab&day=tomorrow",
        b"q=ab&day=2026-01-01&day=2026-01-02",
        b"q=ab&size=l",
        b"q=ab&size=LARGE",
        b"q=ab&kind=b",
        b"q=ab&kind=c",
        b"q=ab&flag=yes",
        b"q=ab&flag=2",
        b"q=ab&flag=",
        b"q=ab&ratio=inf",
        b"q=ab&ratio=1e400",
        b"q=ab&ratio=x",
        b"q=ab&s=3",
        b"q=ab&short=3",
        b"q=ab&s=3.0",
        b"q=%61%62",
        b"q=%FF%FE",
        b"q=a+b",
        b"q=a%2Bb",
        b"Q=ab",
        b"q=ab;s=3",
        b"&&q=ab&",
        b"q=%C3%A9%C3%A9",
        b"unknown=1",
    ],
)
async def test_query(query: bytes) -> None:
    await two_ways(everything).answer("POST", "/all/1", query=query, body=GOOD)


@pytest.mark.parametrize(
    "lines",
    [
        [("X-Trace", b"1")],
        [("X-Trace", b"")],
        [("X-Trace", b"1"), ("X-Trace", b"2")],
        [("X-Trace", b"\xe9\xff")],
        [("X_Trace", b"1")],
        [("X_Plain", b"1")],
        [("X-Plain", b"1")],
        [("Cookie", b"crumb=3")],
        [("Cookie", b"crumb=")],
        [("Cookie", b"crumb=x")],
        [("Cookie", b"crumb=1; crumb=2")],
        [("Cookie", b"crumb=1"), ("Cookie", b"crumb=2")],
        [("Cookie", b'crumb="4"')],
        [("Cookie", b"crumb=\xe9; =; ;;")],
    ],
)
async def test_headers_and_cookies(lines: list[tuple[str, bytes]]) -> None:
    await two_ways(everything).answer("POST", "/all/1", query=b"q=ab", lines=lines, body=GOOD)


@pytest.mark.parametrize("path", ["/all/1", "/all/0", "/all/x", "/all/1.0", "/all/ 1", "/all/١"])
async def test_paths(path: str) -> None:
    await two_ways(everything).answer("POST", path, query=b"q=ab", body=GOOD)


@pytest.mark.parametrize(
    "body",
    [None, b"", b"null", b"[]", b"1", b"{}", b'{"name":1,"count":"x"}', b'{"name":"a","x":1}'],
)
async def test_bodies(body: bytes | None) -> None:
    await two_ways(everything).answer("POST", "/all/1", query=b"q=ab", body=body)


async def test_a_body_of_another_media_type() -> None:
    ways = two_ways(everything)
    form = b"application/x-www-form-urlencoded"
    await ways.answer("POST", "/all/1", query=b"q=ab", body=b"name=a", media_type=form)
    await ways.answer("POST", "/all/1", query=b"q=ab", body=GOOD, media_type=form)


async def test_errors_come_in_the_order_path_query_header_cookie_body() -> None:
    answer = await two_ways(everything).answer(
        "POST",
        "/all/0",
        query=b"q=a&day=x&size=y",
        lines=[("Cookie", b"crumb=x")],
        body=b'{"count":"x"}',
    )
    assert answer.status == 422
    assert (
        answer.body.index(b"/number") < answer.body.index(b"/crumb") < answer.body.index(b"/name")
    )


async def test_everything_above_is_compiled() -> None:
    assert two_ways(everything).compiled_routes == {"/all/{number}"}


def note(text: str) -> str:
    NOTES.append(text)
    return text


async def leaf(request: Request) -> str:
    return note("leaf " + request.method)


async def branch(leaf: Annotated[str, Depends(leaf)], b: int = 0) -> str:
    return note(f"branch of {leaf}, {b}")


async def other_branch(a: int, leaf: Annotated[str, Depends(leaf)]) -> str:
    return note(f"other branch of {leaf}, {a}")


async def fresh(leaf: Annotated[str, Depends(leaf, use_cache=False)]) -> str:
    return note("fresh " + leaf)


async def connection_of(connection: HTTPConnection, request: Request) -> str:
    return note(f"{connection is request}")


async def deaf(*, request: Request) -> str:
    return note("keyword only")


class Service:
    async def __call__(self, n: int = 1) -> int:
        return n + 1

    async def generate(self) -> AsyncIterator[str]:
        note("generator begins")
        yield "x"
        note("generator ends")


class Made:
    def __init__(self, n: int = 0) -> None:
        self.n = n

    async def __call__(self) -> int:
        return 1


INSTANCE = Service()

tree = APIRouter(dependencies=[Depends(leaf)])


@tree.get("/tree")
async def read_tree(
    one: Annotated[str, Depends(branch)],
    two: Annotated[str, Depends(other_branch)],
    three: Annotated[str, Depends(leaf)],
    four: Annotated[str, Depends(fresh)],
    five: Annotated[str, Depends(leaf, use_cache=False)],
    six: Annotated[str, Depends(branch)],
    seven: Annotated[str, Depends(deaf)],
    eight: Annotated[int, Depends(INSTANCE)],
) -> list[Any]:
    return [one, two, three, four, five, six, seven, eight]


@tree.get("/connection")
async def read_connection(one: Annotated[str, Depends(connection_of)]) -> str:
    return one


@tree.get("/class")
async def read_class(made: Annotated[Made, Depends()]) -> int:
    return made.n


@tree.get("/bound")
async def read_bound(
    one: Annotated[str, Depends(INSTANCE.generate)], two: Annotated[str, Depends(INSTANCE.generate)]
) -> str:
    return note(one + two)


@tree.get("/scope")
async def read_scoped(
    one: Annotated[str, Depends(leaf)], two: Annotated[str, Depends(leaf, scope="function")]
) -> str:
    return note(one + two)


@pytest.mark.parametrize("query", [b"a=1", b"a=1&b=2", b"", b"a=x&b=x", b"b=x"])
async def test_a_tree_of_dependencies(query: bytes) -> None:
    await two_ways(tree).answer("GET", "/tree", query=query)


@pytest.mark.parametrize("path", ["/connection", "/class", "/bound", "/scope"])
async def test_odd_dependencies(path: str) -> None:
    assert (await two_ways(tree).answer("GET", path)).status == 200


async def test_a_shared_dependency_is_called_once() -> None:
    answer = await two_ways(tree).answer("GET", "/tree", query=b"a=1")
    assert answer.notes.count("leaf GET") == 3  # once for all, and twice without the cache


async def test_an_error_of_a_dependency_that_is_used_twice_comes_twice() -> None:
    answer = await two_ways(tree).answer("GET", "/tree", query=b"a=1&b=x")
    assert answer.body.count(b'"/b"') == 2


defaults = APIRouter()


@defaults.get("/made")
async def read_made(key: Annotated[str, Query(default_factory=lambda: uuid4().hex)]) -> bool:
    note("first" if key not in SEEN else "again")
    SEEN.add(key)
    return True


@defaults.post("/mutable")
async def read_mutable(item: Annotated[dict[str, int], Body()] = {}) -> dict[str, int]:  # noqa: B006
    item["count"] = item.get("count", 0) + 1
    return item


@defaults.post("/made-body")
async def read_made_body(
    item: Annotated[Item, Body(default_factory=lambda: Item(name=uuid4().hex))],
) -> bool:
    note("first" if item.name not in SEEN else "again")
    SEEN.add(item.name)
    return True


@defaults.post("/validated")
async def read_validated(item: Annotated[int, Body(ge=1, validate_default=True)] = 0) -> int:
    return item


@defaults.post("/optional")
async def read_optional(item: Item | None = None) -> Item | None:
    return item


@defaults.post("/example")
async def read_example(item: Item = Item(name="example")) -> Item:  # noqa: B008
    item.count += 1
    return item


SEEN: set[str] = set()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/made"),
        ("POST", "/mutable"),
        ("POST", "/made-body"),
        ("POST", "/validated"),
        ("POST", "/optional"),
        ("POST", "/example"),
    ],
)
async def test_a_default_is_made_for_each_request(method: str, path: str) -> None:
    ways = two_ways(defaults)
    first = await ways.answer(method, path)
    assert await ways.answer(method, path) == first


bodies = APIRouter()


async def item_name(item: Item) -> str:
    return item.name


async def raw_item(item: dict[str, Any]) -> int:
    return len(item)


@bodies.post("/shared")
async def read_shared(item: Item, name: Annotated[str, Depends(item_name)]) -> str:
    return item.name + name


@bodies.post("/other-kind")
async def read_other_kind(item: Item, size: Annotated[int, Depends(raw_item)]) -> int:
    return size


@bodies.post("/only-in-dependency")
async def read_in_dependency(name: Annotated[str, Depends(item_name)]) -> str:
    return name


@bodies.post("/embedded")
async def read_embedded(item: Annotated[Item, Body(embed=True)]) -> Item:
    return item


@bodies.post("/text")
async def read_text(item: Annotated[str, Body()]) -> str:
    return item


@bodies.post("/bytes")
async def read_bytes(item: Annotated[bytes, Body()]) -> int:
    return len(item)


@pytest.mark.parametrize(
    "path", ["/shared", "/other-kind", "/only-in-dependency", "/embedded", "/text", "/bytes"]
)
@pytest.mark.parametrize(
    "body", [None, b'{"name":"a","count":2}', b'{"name":1}', b'"text"', b'{"item":{"name":"a"}}']
)
async def test_a_body_wherever_it_is_taken(path: str, body: bytes | None) -> None:
    await two_ways(bodies).answer("POST", path, body=body)


async def test_a_body_that_is_no_json() -> None:
    await two_ways(bodies).answer(
        "POST", "/bytes", body=b"a=1", media_type=b"application/x-www-form-urlencoded"
    )


reading = APIRouter()


@reading.post("/body")
async def read_body(request: Request) -> list[Any]:
    chunks = [chunk async for chunk in request.stream()]
    return [chunks == [b'{"name":"a"}', b""]]


@reading.post("/body-again")
async def read_body_again(item: Item, request: Request) -> list[Any]:
    content = (await request.body()).decode()
    gone = await request.is_disconnected()
    return [content, await request.json(), [len(one) async for one in request.stream()], gone]


@pytest.mark.parametrize("path", ["/body", "/body-again"])
@pytest.mark.parametrize("leaves", [False, True])
async def test_an_endpoint_may_read_the_body_itself(path: str, leaves: bool) -> None:
    answer = await two_ways(reading).answer("POST", path, body=GOOD, leaves=leaves)
    assert answer.status == 200


@reading.post("/gone")
async def ask_whether_gone(item: Item, request: Request) -> list[bool]:
    return [await request.is_disconnected(), await request.is_disconnected()]


@pytest.mark.parametrize("leaves", [False, True])
async def test_whether_the_client_is_gone(leaves: bool) -> None:
    await two_ways(reading).answer("POST", "/gone", body=GOOD, leaves=leaves)


setting = APIRouter()


async def set_headers(response: Response) -> None:
    response.headers["x-one"] = "1"
    response.set_cookie("crumb", "1", httponly=True)
    response.status_code = 202


@setting.get("/headers", dependencies=[Depends(set_headers)])
async def read_headers(response: Response, wrong: int = 0) -> Item:
    response.headers["x-two"] = "2"
    response.headers.append("x-one", "again")
    response.headers["content-type"] = "text/odd"
    response.set_cookie("crumb", "2")
    return Item(name=str(response.status_code))


async def test_headers_cookies_and_a_status_that_dependencies_set() -> None:
    ways = two_ways(setting)
    answer = await ways.answer("GET", "/headers")
    assert (answer.status, answer.values(b"x-one")) == (202, [b"1", b"again"])
    assert (await ways.answer("GET", "/headers", query=b"wrong=x")).values(b"x-one") == []

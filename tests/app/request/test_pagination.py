"""Lists are read page by page, and a cursor is valid for its own list only."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.errors import UnprocessablePayload
from app.request.pagination import Milliseconds, SortText, decode_cursor, encode_cursor
from tests.app.small import build
from tests.support.asgi import running

POSITION = TypeAdapter(tuple[Milliseconds, SortText])


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with running(build()) as client:
        yield client


async def test_following_the_cursors_reads_every_item_once(client: httpx2.AsyncClient) -> None:
    found: list[int] = []
    page = (await client.get("/v1/items?limit=2")).json()
    while True:
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params = {"limit": 2, "cursor": page["next_cursor"]}
        page = (await client.get("/v1/items", params=params)).json()
    assert found == [1, 2, 3, 4, 5]


@pytest.mark.fault(80)
@pytest.mark.parametrize("limit", ["0", "-1", "101", "1e9", "1.5", "", "x", "9" * 30])
async def test_a_bad_limit_is_named(client: httpx2.AsyncClient, limit: str) -> None:
    response = await client.get("/v1/items", params={"limit": limit})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/limit"


@pytest.mark.parametrize("cursor", ["", "x", "AAAAAAAAAAAAAAAA", "a" * 600, "é", "a b", "'--"])
async def test_a_bad_cursor_is_named(client: httpx2.AsyncClient, cursor: str) -> None:
    response = await client.get("/v1/items", params={"cursor": cursor})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/cursor"


@given(st.integers(0, 2**53 - 1), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_cursor_holds_its_position(moment: int, name: str) -> None:
    assert decode_cursor(encode_cursor([moment, name], "items"), "items", POSITION) == (
        moment,
        name,
    )


@pytest.mark.parametrize(
    "position",
    [[], [1], [1, 2], ["a", "b"], [-1, "a"], [2**53, "a"], [True, "a"], [1, "a\0"], [1, "a", 2]],
)
def test_a_cursor_with_something_else_in_it_is_refused(position: list[str | int]) -> None:
    with pytest.raises(UnprocessablePayload) as refused:
        decode_cursor(encode_cursor(position, "items"), "items", POSITION)
    assert refused.value.errors[0]["pointer"] == "/cursor"


@pytest.mark.fault(80)
@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(UnprocessablePayload):
        decode_cursor(text, "items", POSITION)


@pytest.mark.fault(80)
def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(UnprocessablePayload):
        decode_cursor(encode_cursor([1, "a"], "items"), "orders", POSITION)


def test_lists_with_long_names_are_kept_apart_to_the_last_letter() -> None:
    cursor = encode_cursor([1, "a"], "items " + "x" * 80 + "a")
    with pytest.raises(UnprocessablePayload):
        decode_cursor(cursor, "items " + "x" * 80 + "b", POSITION)

"""A JSON body becomes the value of a parameter exactly as with two parsers, strictness included."""

from typing import Annotated, Literal

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from app.errors import BadRequest
from app.models import RequestModel, Text
from app.request.json_body import JsonBody
from app.request.strict_json import read_json


class Flat(RequestModel):
    sku: Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,8}$")]
    quantity: Annotated[int, Field(ge=1, le=99)]
    note: Annotated[str, Text(0, 40)] | None = None
    is_gift: bool = False
    kind: Literal["mug", "cap"] = "mug"


class Nested(RequestModel):
    lines: list[Flat]


class Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")

    quantity: int


def body_of(model: type[BaseModel]) -> JsonBody:
    async def endpoint(body: model) -> None: ...  # type: ignore[valid-type]

    app = FastAPI()
    app.post("/")(endpoint)
    route = next(one for one in app.routes if isinstance(one, APIRoute) and one.path == "/")
    assert route.body_field is not None
    return JsonBody(route.body_field)


@pytest.mark.parametrize(
    "content",
    [
        b'{"sku":"MUG","quantity":1}',
        b' {"quantity" : 1 , "sku":"MUG", "note":"a: b", "is_gift":true, "kind":"cap"}\n',
        b'{"sku":"MUG","quantity":1,"note":null}',
        b'{"sku":"\\u004dUG","quantity":1}',
    ],
)
def test_a_valid_body_is_the_model(content: bytes) -> None:
    value, errors = body_of(Flat).read(content)
    assert not errors
    assert value == Flat.model_validate(read_json(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"sku":"MUG","quantity":1}x',
        b'\xef\xbb\xbf{"sku":"MUG","quantity":1}',
        b'{"sku":"MUG","quantity":1,"quantity":2}',
        b'{"sku":"MUG","sku":"MUG","quantity":1}',
        b'{"sku":"MUG","quantity":NaN}',
        b'{"sku":"MUG","quantity":1e400}',
        b'{"sku":"MUG","quantity":' + b"1" * 26 + b"}",
        b'{"sku":"MUG","quantity":1,"note":"\\u0000"}',
        b'{"sku":"MUG","quantity":1,"note":"\\ud800"}',
        b'{"sku":"MUG","quantity":1,"note":"\xff"}',
        b"[" * 40 + b"]" * 40,
    ],
)
@pytest.mark.parametrize("model", [Flat, Lenient])
def test_a_body_that_is_not_strict_json_is_refused(content: bytes, model: type[BaseModel]) -> None:
    with pytest.raises(BadRequest):
        body_of(model).read(content)


@pytest.mark.parametrize(
    ("content", "location", "message"),
    [
        (b'{"sku":"MUG","quantity":"1"}', ("quantity",), "Input should be a valid integer"),
        (b'{"sku":"MUG","quantity":1.0}', ("quantity",), "Input should be a valid integer"),
        (b'{"sku":"MUG","quantity":true}', ("quantity",), "Input should be a valid integer"),
        (b'{"sku":"MUG"}', ("quantity",), "Field required"),
        (b'{"sku":"MUG","quantity":1,"x":1}', ("x",), "Extra inputs are not permitted"),
        (b"[]", (), "Input should be a valid dictionary or object to extract fields from"),
        (b"null", (), "Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_what_is_wrong_with_the_members_is_listed(
    content: bytes, location: tuple[str, ...], message: str
) -> None:
    _, errors = body_of(Flat).read(content)
    assert [(one["loc"], one["msg"]) for one in errors] == [(("body", *location), message)]


class Unbounded(RequestModel):
    quantity: Annotated[int, Field(le=99)]


def test_a_number_that_is_too_long_is_refused_whatever_its_sign() -> None:
    with pytest.raises(BadRequest):
        body_of(Unbounded).read(b'{"quantity":-' + b"1" * 30 + b"}")


def test_no_text_of_a_body_is_kept_in_memory() -> None:
    content = b'{"sku":"MUG","quantity":1,"note":"a wheel within a wheel"}'
    (one, _), (other, _) = body_of(Flat).read(content), body_of(Flat).read(content)
    assert one.note == other.note
    assert one.note is not other.note  # the second one would come from a cache


def test_models_in_models_are_validated_too() -> None:
    value, errors = body_of(Nested).read(b'{"lines":[{"sku":"MUG","quantity":1}]}')
    assert not errors
    assert value == Nested(lines=[Flat(sku="MUG", quantity=1)])
    with pytest.raises(BadRequest):
        body_of(Nested).read(b'{"lines":[{"sku":"MUG","quantity":1,"quantity":2}]}')


def test_a_body_that_is_missing_is_an_error() -> None:
    _, errors = body_of(Flat).absent
    assert [(one["loc"], one["msg"]) for one in errors] == [(("body",), "Field required")]


def test_a_body_of_another_media_type_is_no_model() -> None:
    _, errors = body_of(Flat).read_other(b"sku=MUG&quantity=1")
    assert [one["loc"] for one in errors] == [("body",)]


NAMES = st.sampled_from(["sku", "quantity", "note", "is_gift", "kind", "x"])
VALUES = st.one_of(
    st.sampled_from(["MUG", "mug", "cap", "", "a:b", "\\u0041", "\x00"]).map(
        lambda text: f'"{text}"'
    ),
    st.sampled_from(["1", "0", "-1", "1.0", "1e2", "true", "null", "NaN", "[]", "{}", "9" * 26]),
)
SPACE = st.sampled_from(["", " ", "\n", "\ufeff"])


@given(st.lists(st.tuples(NAMES, VALUES, SPACE), max_size=6))
def test_any_body_gives_what_two_parsers_give(members: list[tuple[str, str, str]]) -> None:
    inner = ",".join(f'{space}"{name}":{value}' for name, value, space in members)
    content = f"{{{inner}}}".encode()
    assert _outcome(content, FLAT) == _outcome(content, PLAIN)


FLAT = body_of(Flat)
PLAIN = body_of(Flat)
PLAIN._flat_model = None


def _outcome(content: bytes, body: JsonBody) -> object:
    try:
        value, errors = body.read(content)
    except BadRequest as problem:
        return problem.detail
    return value, [(one["loc"], one["msg"], one["type"]) for one in errors]

"""What is wrong with an `Idempotency-Key`, and how a replay is documented."""

from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI, Header

from app.errors import IDEMPOTENCY_KEY, IdempotencyKeyReused, UnprocessablePayload
from app.request.idempotency import (
    Key,
    KeyForm,
    document_replay,
    document_required_key,
    required_key,
)
from tests.app.small import build
from tests.support.asgi import running

LongKey = Annotated[str, KeyForm(min_length=32, problem=UnprocessablePayload)]


def service() -> FastAPI:
    app = build()

    @app.post("/optional")
    async def optional(
        key: Annotated[Key | None, Header(alias=IDEMPOTENCY_KEY)] = None,
    ) -> str | None:
        return key

    @app.post("/required", openapi_extra=document_required_key("Names this request."))
    async def required(key: Annotated[str, Depends(required_key)]) -> str:
        return key

    @app.post("/long")
    async def long(
        key: Annotated[LongKey | None, Header(alias=IDEMPOTENCY_KEY)] = None,
    ) -> str | None:
        return key

    @app.post("/reused")
    async def reused() -> None:
        raise IdempotencyKeyReused

    return app


async def post(path: str, key: bytes | None = None) -> httpx2.Response:
    headers = [] if key is None else [(b"idempotency-key", key)]
    async with running(service()) as client:
        return await client.post(path, headers=headers)


def what_is_wrong(response: httpx2.Response) -> tuple[str, str, object]:
    problem = response.json()
    kind = problem["type"].removeprefix("urn:cartwheel:problem:")
    return kind, problem["detail"], problem["errors"]


MALFORMED = ["", "a b", "a\tb", "\u00e4", "k" * 256]


@pytest.mark.fault(46)
@pytest.mark.parametrize("path", ["/optional", "/required"])
@pytest.mark.parametrize("key", MALFORMED)
async def test_a_malformed_key_is_400_and_says_what_a_key_looks_like(path: str, key: str) -> None:
    response = await post(path, key.encode())

    assert response.status_code == 400
    assert what_is_wrong(response) == (
        "bad-request",
        "The Idempotency-Key is malformed: it must be 1 to 255 visible ASCII characters.",
        [{"pointer": "/Idempotency-Key", "message": "must be 1 to 255 visible ASCII characters"}],
    )


@pytest.mark.fault(46)
async def test_a_missing_key_is_400_where_one_is_needed() -> None:
    response = await post("/required")

    assert response.status_code == 400
    assert what_is_wrong(response) == (
        "bad-request",
        "The Idempotency-Key is missing: this operation needs one.",
        [{"pointer": "/Idempotency-Key", "message": "is missing"}],
    )
    assert (await post("/optional")).json() is None


@pytest.mark.parametrize("path", ["/optional", "/required", "/long"])
@pytest.mark.parametrize("key", ["k" * 32, "!~" * 16, '"' + "k" * 253 + '"'])
async def test_a_key_is_taken_as_it_was_sent(path: str, key: str) -> None:
    assert (await post(path, key.encode())).json() == key


@pytest.mark.parametrize("key", ["k" * 31, "k" * 256])
async def test_an_operation_may_ask_for_longer_keys_and_answer_with_another_problem(
    key: str,
) -> None:
    response = await post("/long", key.encode())

    assert response.status_code == 422
    assert what_is_wrong(response) == (
        "unprocessable-payload",
        "The Idempotency-Key is malformed: it must be 32 to 255 visible ASCII characters.",
        [{"pointer": "/Idempotency-Key", "message": "must be 32 to 255 visible ASCII characters"}],
    )


async def test_a_reused_key_is_422_and_says_so() -> None:
    response = await post("/reused")

    assert response.status_code == 422
    assert what_is_wrong(response) == (
        "idempotency-key-reused",
        "The Idempotency-Key was used before, for a different request. "
        "Send this request with a new key.",
        [{"pointer": "/Idempotency-Key", "message": "was used for a different request"}],
    )


@pytest.mark.parametrize(
    ("path", "least", "is_required"),
    [("/optional", 1, False), ("/required", 1, True), ("/long", 32, False)],
)
async def test_a_key_is_documented_with_its_form(path: str, least: int, is_required: bool) -> None:
    async with running(service()) as client:
        document = (await client.get("/openapi.json")).json()

    (parameter,) = document["paths"][path]["post"]["parameters"]
    schema = parameter["schema"].get("anyOf", [parameter["schema"]])[0]
    assert (parameter["name"], parameter["in"]) == ("Idempotency-Key", "header")
    assert (parameter["required"], schema["type"], schema["minLength"]) == (
        is_required,
        "string",
        least,
    )


def test_a_replay_is_documented_as_a_header() -> None:
    assert document_replay("Done before.") == {
        "Idempotency-Replayed": {
            "description": "Done before.",
            "schema": {"type": "string", "enum": ["true"]},
        }
    }

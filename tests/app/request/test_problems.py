"""Every error response is a problem that discloses no secret."""

import errno
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from app.errors import Conflict, Internal
from app.request.problems import problem_for
from tests.app.small import build
from tests.support.asgi import running
from tests.support.hostile_input import Body, spoilt_bodies

JSON = {"content-type": "application/json"}
SECRET = "s3cr3t-value-nobody-must-see"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with running(build()) as client:
        yield client


def assert_problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:cartwheel:problem:")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert {"title", "detail", "instance"} <= problem.keys()
    return problem


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *spoilt_bodies(Body({"name": "a", "quantity": 1}, number=["quantity"], text=["name"])),
        pytest.param(b'{"name":"' + b"a" * 41 + b'","quantity":1}', 422, id="a name too long"),
    ],
)
async def test_a_bad_body_is_a_problem(
    client: httpx2.AsyncClient, body: bytes, status: int
) -> None:
    assert_problem(await client.post("/v1/items", content=body, headers=JSON), status)


@pytest.mark.fault(57)
async def test_a_bad_field_is_named_without_its_value(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/items", json={"name": SECRET * 9, "quantity": SECRET})
    problem = assert_problem(response, 422)
    assert {error["pointer"] for error in problem["errors"]} == {"/name", "/quantity"}
    assert SECRET not in response.text


async def test_a_bad_parameter_is_named_without_its_value(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/items", params={"limit": SECRET})
    problem = assert_problem(response, 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/limit"]
    assert SECRET not in response.text


async def test_a_thousand_mistakes_get_a_response_of_bounded_size(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.post("/v1/items", json={f"unknown{n}": 1 for n in range(1000)})
    assert len(assert_problem(response, 422)["errors"]) <= 20
    assert len(response.content) < 4096


async def test_an_error_of_the_service_carries_its_own_members(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/items", json={"name": "a", "quantity": 99})
    problem = assert_problem(response, 409)
    assert problem["type"] == "urn:cartwheel:problem:too-many"
    assert problem["available"] == 98


async def test_a_crash_is_a_problem_that_discloses_no_cause(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/broken")
    assert_problem(response, 500)
    assert "hunter2" not in response.text


async def test_an_unknown_path_is_a_problem(client: httpx2.AsyncClient) -> None:
    assert_problem(await client.get("/v1/nothing"), 404)


async def test_a_trailing_slash_is_another_path(client: httpx2.AsyncClient) -> None:
    assert_problem(await client.get("/v1/items/"), 404)


async def test_a_wrong_method_gets_all_allowed_methods(client: httpx2.AsyncClient) -> None:
    response = await client.put("/v1/items")
    assert_problem(response, 405)
    assert response.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.fault(81)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_a_body_of_another_media_type_is_refused(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    body = b'{"name":"a","quantity":1}'
    assert_problem(await client.post("/v1/items", content=body, headers=headers), 415)


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", '; charset="UTF-8"'])
async def test_a_body_of_an_accepted_media_type_is_read(
    client: httpx2.AsyncClient, charset: str
) -> None:
    response = await client.post(
        "/v1/items",
        content='{"name":"Zoë","quantity":1}'.encode(),
        headers={"content-type": "application/json" + charset},
    )
    assert response.status_code == 201
    assert response.json()["name"] == "Zoë"


async def test_a_name_is_trimmed_and_composed(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/items", json={"name": " Zoe\u0308 ", "quantity": 1})
    assert response.json()["name"] == "Zo\u00eb"


async def test_a_declared_body_over_the_limit_is_refused_unread(
    client: httpx2.AsyncClient,
) -> None:
    body = b'{"name":"' + b"a" * 70_000 + b'","quantity":1}'
    response = await client.post("/v1/items", content=body, headers=JSON)
    assert_problem(response, 413)
    assert response.headers["connection"] == "close"


async def test_a_body_that_grows_over_the_limit_is_refused(client: httpx2.AsyncClient) -> None:
    async def growing() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a" * 1024

    assert_problem(await client.post("/v1/items", content=growing(), headers=JSON), 413)


@pytest.mark.parametrize("path", ["/v1/items?limit=1%00", "/v1/items/%00", "/v1/x%00y"])
async def test_a_nul_in_the_address_is_refused(client: httpx2.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 400)


@pytest.mark.parametrize("item", ["0", "-1", "10001", "1.5", "abc", "9" * 400, "1%0d%0aX-Y:z"])
async def test_a_bad_path_parameter_is_a_problem(client: httpx2.AsyncClient, item: str) -> None:
    assert_problem(await client.get(f"/v1/items/{item}"), 422)


def test_an_expected_error_is_its_own_problem_and_is_not_logged() -> None:
    conflict = Conflict("Only 3 are left.")
    with capture_logs() as logs:
        assert problem_for(conflict, route="/items", method="GET") is conflict
    assert logs == []


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_lack_of_file_descriptors_is_an_outage(number: int) -> None:
    with capture_logs() as logs:
        problem = problem_for(OSError(number, SECRET), route="/v1/items", method="POST")
    assert (problem.status, problem.headers["retry-after"]) == (503, "1")
    assert SECRET not in problem.detail
    assert [(log["event"], log["log_level"]) for log in logs] == [
        ("request.out_of_descriptors", "warning")
    ]


def test_an_unexpected_error_is_logged_once_and_not_disclosed() -> None:
    with capture_logs() as logs:
        problem = problem_for(RuntimeError(SECRET), route="/items", method="GET")
    assert isinstance(problem, Internal)
    assert SECRET not in problem.detail
    (event,) = logs
    assert (event["event"], event["log_level"]) == ("request.failed", "error")
    assert (event["route"], event["method"]) == ("/items", "GET")

"""JSON that is made already is sent as the model's JSON would be, however the route is served."""

import pytest
from fastapi import APIRouter

from app.models import ResponseModel
from app.request.ready_json import ReadyJson
from tests.app.small import build
from tests.support.asgi import running


class Wheel(ResponseModel):
    name: str


router = APIRouter()


@router.get("/ready", response_model=Wheel)
async def read_ready() -> ReadyJson:
    return ReadyJson(b'{"name":"big"}', headers={"Idempotency-Replayed": "true"})


@router.get("/model")
async def read_model() -> Wheel:
    return Wheel(name="big")


@pytest.mark.parametrize("compiled", ["true", "false"])
async def test_ready_json_is_sent_like_the_json_of_the_model(
    compiled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTWHEEL_COMPILE_ROUTES", compiled)
    app = build()
    app.include_router(router)
    async with running(app) as client:
        ready, model = await client.get("/ready"), await client.get("/model")
    assert (ready.status_code, ready.content) == (model.status_code, model.content)
    assert ready.headers.pop("idempotency-replayed") == "true"
    for headers in (ready.headers, model.headers):
        del headers["x-request-id"]
    assert ready.headers == model.headers


async def test_ready_json_is_documented_as_its_model() -> None:
    app = build()
    app.include_router(router)
    response = app.openapi()["paths"]["/ready"]["get"]["responses"]["200"]
    assert response["content"]["application/json"]["schema"]["$ref"].endswith("/Wheel")

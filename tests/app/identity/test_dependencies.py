"""Routes that need a caller: an access token, a role, a service token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI

from app.factory import create_app
from app.identity import CurrentIdentity, Identity, ServiceCaller, TokenVerifier, require_role
from app.process.health import Health
from app.settings import ServiceSettings, ServiceTokenSettings, load
from app.telemetry.metrics import Metrics
from tests.app.identity.verifying import SIGNER, verifier
from tests.support.asgi import running

StaffOnly = Annotated[Identity, Depends(require_role("staff"))]


class Settings(ServiceSettings, ServiceTokenSettings): ...


@asynccontextmanager
async def service() -> AsyncIterator[httpx2.AsyncClient]:
    """A small service that lets people, staff and other services in by different doors."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, TokenVerifier]]:
        async with verifier() as verify:
            yield {"verifier": verify}

    router = APIRouter()

    @router.get("/me")
    async def read_me(identity: CurrentIdentity) -> str:
        return identity.subject

    @router.get("/staff")
    async def read_staff(identity: StaffOnly) -> str:
        return identity.subject

    @router.get("/service")
    async def read_service(_: ServiceCaller) -> str:
        return "service"

    app = create_app(
        load(Settings, service_tokens=("new-secret", "old-secret")),
        service="doors",
        description="Lets callers in.",
        metrics=Metrics("doors"),
        health=Health(),
        lifespan=lifespan,
        routers=[router],
    )
    async with running(app) as client:
        yield client


async def test_a_caller_is_known_by_the_bearer_token() -> None:
    async with service() as client:
        response = await client.get("/me", headers={"authorization": f"Bearer {SIGNER.token()}"})

    assert (response.status_code, response.json()) == (200, "user_1")


@pytest.mark.fault(68, 83)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer x", "Basic dTpw", "Token x.y.z"]
)
async def test_without_a_good_bearer_token_the_response_is_one_constant_401(
    authorization: str | None,
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    async with service() as client:
        response = await client.get("/me", headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["detail"] == "A valid access token is required."


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer {}", 200),
        ("bearer {}", 200),
        ("BEARER {}", 200),
        ("Bearer   {}", 200),
        ("Bearer \t{}", 200),
        ("Bearer {}, {}", 401),
        ("Bearer {}.", 401),
        ("Bearer\t{}", 401),
        ("Bearer{}", 401),
        ("{}", 401),
    ],
)
@pytest.mark.parametrize("known", [False, True])
async def test_a_known_token_is_accepted_in_the_same_spellings_as_a_new_one(
    authorization: str, status: int, known: bool
) -> None:
    token = SIGNER.token()
    async with service() as client:
        if known:
            usual = await client.get("/me", headers={"authorization": f"Bearer {token}"})
            assert usual.status_code == 200
        spelled = authorization.format(token, token)
        response = await client.get("/me", headers={"authorization": spelled})

    assert response.status_code == status


async def test_of_two_authorization_headers_the_first_one_counts() -> None:
    token, other = SIGNER.token("user_1"), SIGNER.token("user_2")
    headers = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {other}")]
    async with service() as client:
        for order, subject in ((headers, "user_1"), (headers[::-1], "user_2")) * 2:
            assert (await client.get("/me", headers=order)).json() == subject


@pytest.mark.parametrize(("roles", "status"), [(("user", "staff"), 200), (("user",), 403)])
async def test_a_role_gives_access_to_its_routes_only(roles: tuple[str, ...], status: int) -> None:
    token = SIGNER.token(roles=roles)
    async with service() as client:
        response = await client.get("/staff", headers={"authorization": f"Bearer {token}"})

    assert response.status_code == status


@pytest.mark.parametrize("token", ["new-secret", "old-secret"])
async def test_both_service_tokens_are_good_during_rotation(token: str) -> None:
    async with service() as client:
        response = await client.get("/service", headers={"x-service-token": token})

    assert response.status_code == 200


@pytest.mark.fault(83)
@pytest.mark.parametrize("token", [None, "", "new-secre", "new-secret2", "NEW-SECRET"])
async def test_other_service_tokens_are_refused(token: str | None) -> None:
    headers = {} if token is None else {"x-service-token": token}
    async with service() as client:
        response = await client.get("/service", headers=headers)

    assert response.status_code == 401


@pytest.mark.fault(83)
async def test_an_access_token_gives_no_access_to_service_routes() -> None:
    token = SIGNER.token(roles=("staff",))
    async with service() as client:
        response = await client.get("/service", headers={"authorization": f"Bearer {token}"})

    assert response.status_code == 401


async def test_the_document_names_both_schemes() -> None:
    async with service() as client:
        schemes = (await client.get("/openapi.json")).json()["components"]["securitySchemes"]

    assert schemes["accessToken"]["scheme"] == "bearer"
    assert schemes["serviceToken"]["name"] == "x-service-token"

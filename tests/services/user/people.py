"""Requests to the user service, and what its tokens contain."""

import asyncio
import base64
import json
from typing import Any

import httpx2

ANN = {"email": "ann@example.com", "password": "correct horse battery", "name": "Ann"}


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}


async def register(client: httpx2.AsyncClient, **changes: str) -> dict[str, Any]:
    response = await client.post("/v1/users", json={**ANN, **changes})
    assert response.status_code == 201, response.text
    return dict(response.json())


async def try_password(
    client: httpx2.AsyncClient,
    password: str = ANN["password"],
    *,
    email: str = ANN["email"],
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    credentials = {"email": email, "password": password}
    return await client.post("/v1/sessions", json=credentials, headers=headers)


async def log_in(client: httpx2.AsyncClient, **credentials: Any) -> dict[str, Any]:
    response = await try_password(client, **credentials)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def refresh(client: httpx2.AsyncClient, tokens: dict[str, Any]) -> httpx2.Response:
    body = {"refresh_token": tokens["refresh_token"]}
    return await client.post("/v1/sessions:refresh", json=body)


def problem_type(response: httpx2.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["type"]).removeprefix("urn:cartwheel:problem:")


def header_of(tokens: dict[str, Any]) -> dict[str, Any]:
    """The header of the access token; not verified."""
    return _part(tokens, 0)


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    """The claims of the access token; not verified."""
    return _part(tokens, 1)


def _part(tokens: dict[str, Any], index: int) -> dict[str, Any]:
    part = tokens["access_token"].split(".")[index]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def roles_of(tokens: dict[str, Any]) -> list[str]:
    return list(claims_of(tokens)["roles"])


async def until_ready(client: httpx2.AsyncClient) -> None:
    # From outside there is nothing to wait for: ask again, as a probe does.
    async with asyncio.timeout(10):
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

"""The list of deleted accounts, for other services."""

from datetime import UTC, datetime

import httpx2
import pytest

from services.user.service import DELETIONS_SETTLE_MS
from tests.services.user.conftest import SERVICE_TOKEN, Clock
from tests.services.user.people import bearer, claims_of, log_in, register

SERVICE = {"x-service-token": SERVICE_TOKEN}
SETTLED = DELETIONS_SETTLE_MS / 1000


async def someone_gone(client: httpx2.AsyncClient, email: str) -> str:
    await register(client, email=email)
    tokens = await log_in(client, email=email)
    response = await client.delete("/v1/users/me", headers=bearer(tokens))
    assert response.status_code == 204
    return str(claims_of(tokens)["sub"])


async def test_a_deleted_account_is_listed_once_it_is_settled(
    client: httpx2.AsyncClient, clock: Clock
) -> None:
    deleted_at = datetime.fromtimestamp(clock() / 1000, UTC)
    subject = await someone_gone(client, "ann@example.com")
    early = (await client.get("/v1/deletions", headers=SERVICE)).json()
    assert early == {"items": [], "next_cursor": None}
    clock.advance(seconds=SETTLED)
    (item,) = (await client.get("/v1/deletions", headers=SERVICE)).json()["items"]
    assert item["subject"] == subject
    assert datetime.fromisoformat(item["deleted_at"]) == deleted_at


async def test_the_list_goes_on_where_it_was_left(client: httpx2.AsyncClient, clock: Clock) -> None:
    gone = [await someone_gone(client, f"ann{number}@example.com") for number in range(3)]
    clock.advance(seconds=SETTLED)
    seen, cursor = [], None
    for _ in range(3):
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/deletions", headers=SERVICE, params=params)).json()
        seen += [item["subject"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(gone)
    later = await someone_gone(client, "late@example.com")
    clock.advance(seconds=SETTLED)
    page = (await client.get("/v1/deletions", headers=SERVICE, params={"cursor": cursor})).json()
    assert [item["subject"] for item in page["items"]] == [later]


async def test_the_list_names_nobody_who_is_still_there(
    client: httpx2.AsyncClient, clock: Clock
) -> None:
    await register(client)
    clock.advance(seconds=SETTLED)
    assert (await client.get("/v1/deletions", headers=SERVICE)).json()["items"] == []


@pytest.mark.parametrize("headers", [{}, {"x-service-token": "a guess"}])
async def test_only_services_are_told(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.get("/v1/deletions", headers=headers)).status_code == 401


async def test_shoppers_are_not_told(client: httpx2.AsyncClient) -> None:
    await register(client)
    tokens = await log_in(client)
    assert (await client.get("/v1/deletions", headers=bearer(tokens))).status_code == 401


async def test_a_cursor_of_another_list_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/deletions", headers=SERVICE, params={"cursor": "abc"})
    assert response.status_code == 422

"""The HTTP API of accounts: register, read, change, delete."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.services.user.conftest import Start, Store
from tests.services.user.people import (
    ANN,
    bearer,
    log_in,
    problem_type,
    refresh,
    register,
    roles_of,
    try_password,
    until_ready,
)

NEW_PASSWORD = "tr0ub4dor and 3"


async def test_a_new_account_is_answered_without_its_password(client: httpx2.AsyncClient) -> None:
    response = await client.post("/v1/users", json={**ANN, "email": " Ann@Example.COM "})
    assert response.status_code == 201
    assert set(response.json()) == {"id", "email", "name", "created_at"}
    assert response.json()["email"] == "ann@example.com"
    assert response.json()["created_at"].endswith("Z")


async def test_an_email_is_taken_in_every_spelling(client: httpx2.AsyncClient) -> None:
    await register(client)
    response = await client.post("/v1/users", json={**ANN, "email": "ANN@example.com"})
    assert response.status_code == 409
    assert problem_type(response) == "email-taken"


@pytest.mark.fault(71)
async def test_of_parallel_registrations_of_one_email_one_succeeds(
    client: httpx2.AsyncClient,
) -> None:
    responses = await asyncio.gather(*(client.post("/v1/users", json=ANN) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [201, 409, 409, 409, 409]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"role": "staff"}, "/role"),
        ({"staff": True}, "/staff"),
        ({"id": "user_1"}, "/id"),
        ({"email": "ann"}, "/email"),
        ({"password": "short"}, "/password"),
        ({"password": "x" * 257}, "/password"),
        ({"password": "line\nbreak"}, "/password"),
        ({"password": ANN["email"]}, "/password"),
        ({"name": ""}, "/name"),
        ({"name": "\u202egnp.exe"}, "/name"),
        ({"name": 7}, "/name"),
    ],
)
async def test_a_bad_field_is_named_and_not_repeated(
    client: httpx2.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    response = await client.post("/v1/users", json={**ANN, **change})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    value = str(*change.values())
    assert len(value) < 6 or value not in response.text


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    "name", ["علی\u200cرضا", "क्\u200dष", "മോഹന്\u200d", "👩\u200d👩\u200d👧", "Zoë"]
)
async def test_a_name_stays_as_its_owner_writes_it(client: httpx2.AsyncClient, name: str) -> None:
    assert (await register(client, name=f"\ufeff{name} "))["name"] == name


async def test_a_domain_with_other_letters_is_the_same_address_either_way(
    client: httpx2.AsyncClient,
) -> None:
    account = await register(client, email="Ann@MÜLLER.example")
    assert account["email"] == "ann@xn--mller-kva.example"
    for email in ("ann@müller.example", "ann@xn--mller-kva.example", "ann@mu\u0308ller.example"):
        await log_in(client, email=email)
        again = await client.post("/v1/users", json={**ANN, "email": email})
        assert again.status_code == 409


@pytest.mark.parametrize(
    "email", ["änn@example.com", "ann@ü..example", "ann@\u202emüller.example", "ann@-ü.example"]
)
async def test_an_address_that_no_host_has_is_refused(
    client: httpx2.AsyncClient, email: str
) -> None:
    response = await client.post("/v1/users", json={**ANN, "email": email})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/email"]


async def test_your_account_is_yours_to_read(client: httpx2.AsyncClient) -> None:
    account = await register(client)
    response = await client.get("/v1/users/me", headers=bearer(await log_in(client)))
    assert response.json() == account
    assert response.headers["cache-control"] == "no-store"


async def test_a_guest_has_no_account(client: httpx2.AsyncClient) -> None:
    guest = (await client.post("/v1/guests")).json()
    for method in ("GET", "PATCH", "DELETE"):
        json = {"name": "Nobody"} if method == "PATCH" else None
        response = await client.request(method, "/v1/users/me", headers=bearer(guest), json=json)
        assert response.status_code == 403
        assert problem_type(response) == "account-required"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"authorization": "Basic"}])
async def test_without_a_token_there_is_no_account(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.get("/v1/users/me", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_name_changes_without_the_password(client: httpx2.AsyncClient) -> None:
    await register(client)
    me = bearer(await log_in(client))
    response = await client.patch("/v1/users/me", headers=me, json={"name": "Ann B."})
    assert response.status_code == 200
    assert response.json()["name"] == "Ann B."
    assert (await client.get("/v1/users/me", headers=me)).json() == response.json()


@pytest.mark.parametrize("change", [{"password": NEW_PASSWORD}, {"email": "ann@example.org"}])
async def test_a_new_email_or_password_needs_the_password_there_is(
    client: httpx2.AsyncClient, change: dict[str, str]
) -> None:
    await register(client)
    me = bearer(await log_in(client))
    without = await client.patch("/v1/users/me", headers=me, json=change)
    wrong = await client.patch(
        "/v1/users/me", headers=me, json={**change, "current_password": "a wrong one"}
    )
    right = await client.patch(
        "/v1/users/me", headers=me, json={**change, "current_password": ANN["password"]}
    )
    assert without.status_code == 422
    assert [error["pointer"] for error in without.json()["errors"]] == ["/current_password"]
    assert (wrong.status_code, problem_type(wrong)) == (403, "wrong-password")
    assert right.status_code == 200
    await log_in(client, **{"email": ANN["email"], "password": ANN["password"], **change})


async def test_a_new_password_logs_out_everywhere_else(client: httpx2.AsyncClient) -> None:
    await register(client)
    here, elsewhere = await log_in(client), await log_in(client)
    change = {"password": NEW_PASSWORD, "current_password": ANN["password"]}
    await client.patch("/v1/users/me", headers=bearer(here), json=change)

    assert (await refresh(client, here)).status_code == 200
    assert (await refresh(client, elsewhere)).status_code == 401
    assert (await client.get("/v1/users/me", headers=bearer(elsewhere))).status_code == 401
    assert (await try_password(client)).status_code == 401


async def test_a_new_password_must_not_be_the_email_either(client: httpx2.AsyncClient) -> None:
    await register(client)
    change = {"password": ANN["email"], "current_password": ANN["password"]}
    response = await client.patch("/v1/users/me", headers=bearer(await log_in(client)), json=change)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/password"]


async def test_an_email_that_is_taken_cannot_be_changed_to(client: httpx2.AsyncClient) -> None:
    await register(client)
    await register(client, email="bob@example.com")
    response = await client.patch(
        "/v1/users/me",
        headers=bearer(await log_in(client)),
        json={"email": "bob@example.com", "current_password": ANN["password"]},
    )
    assert (response.status_code, problem_type(response)) == (409, "email-taken")


async def test_a_deleted_account_is_forgotten(client: httpx2.AsyncClient) -> None:
    await register(client)
    tokens = await log_in(client)
    assert (await client.delete("/v1/users/me", headers=bearer(tokens))).status_code == 204

    assert (await client.get("/v1/users/me", headers=bearer(tokens))).status_code == 401
    assert (await refresh(client, tokens)).status_code == 401
    assert (await try_password(client)).status_code == 401
    await register(client, name="Another Ann")


async def test_nothing_personal_is_left_of_a_deleted_account(
    client: httpx2.AsyncClient, store: Store
) -> None:
    account = await register(client, email="very.unusual@example.com", name="Zebedee")
    tokens = await log_in(client, email="very.unusual@example.com")
    await client.delete("/v1/users/me", headers=bearer(tokens))

    assert account["id"] in store.everything()
    assert "unusual" not in store.everything()
    assert "Zebedee" not in store.everything()


async def test_neither_passwords_nor_tokens_are_stored(
    client: httpx2.AsyncClient, store: Store
) -> None:
    await register(client)
    tokens = await log_in(client)
    stored = store.everything()
    family, secret = tokens["refresh_token"].split(".")
    for told in (ANN["password"], tokens["access_token"], family, secret):
        assert told not in stored


async def test_the_staff_account_is_there_from_the_start(start: Start) -> None:
    staff = {"staff_email": "Staff@example.com", "staff_password": "open sesame 42"}
    async with start(**staff) as client:
        await until_ready(client)
        tokens = await log_in(client, email="staff@example.com", password="open sesame 42")
        assert roles_of(tokens) == ["user", "staff"]


async def test_the_operator_s_password_wins_over_whoever_took_the_email_first(
    start: Start,
) -> None:
    async with start() as client:
        await register(client, email="staff@example.com")
        squatter = await log_in(client, email="staff@example.com")
    async with start(staff_email="staff@example.com", staff_password="open sesame 42") as client:
        await until_ready(client)
        assert (await refresh(client, squatter)).status_code == 401
        assert (await try_password(client, email="staff@example.com")).status_code == 401
        await log_in(client, email="staff@example.com", password="open sesame 42")


async def test_replicas_that_start_together_make_one_staff_account(start: Start) -> None:
    staff = {"staff_email": "staff@example.com", "staff_password": "open sesame 42"}
    async with start(**staff) as one, start(**staff) as other:
        await asyncio.gather(until_ready(one), until_ready(other))
        for client in (one, other):
            await log_in(client, email="staff@example.com", password="open sesame 42")

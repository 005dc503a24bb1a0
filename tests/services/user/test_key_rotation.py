"""The published keys, and the command that changes them while people are logged in."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from app.stores.database import Database
from app.telemetry.metrics import Metrics
from services.user.keys.__main__ import main
from services.user.keys.rotation import NotPossible, rotate, withdraw
from services.user.keys.signing_keys import PUBLISH_AHEAD_MS, STAY_PUBLISHED_MS
from services.user.repository import SigningKeyRepository
from tests.services.user.conftest import Clock, Start, Store
from tests.services.user.people import bearer, header_of, log_in, register

A_WHILE = 11
"""Seconds after which replicas have read the keys again."""


@pytest.fixture
async def keys(sqlite_url: str) -> AsyncIterator[SigningKeyRepository]:
    async with Database(sqlite_url, metrics=Metrics("user")) as database:
        yield SigningKeyRepository(database)


async def published(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get("/.well-known/jwks.json")).json()["keys"])


async def guest_key(client: httpx2.AsyncClient) -> str:
    """The id of the key that signs now."""
    return str(header_of((await client.post("/v1/guests")).json())["kid"])


async def test_the_published_keys_are_public_and_may_be_cached(
    client: httpx2.AsyncClient, store: Store
) -> None:
    response = await client.get("/.well-known/jwks.json")
    [key] = response.json()["keys"]
    assert response.headers["cache-control"] == "public, max-age=60"
    assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig")
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert '"d"' in store.everything()


async def test_replicas_of_one_store_sign_with_one_key(start: Start) -> None:
    async with start() as one, start() as other:
        assert await guest_key(one) == await guest_key(other)
        assert len(await published(one)) == 1


async def test_the_key_outlives_the_replica(start: Start) -> None:
    async with start() as client:
        first = await guest_key(client)
    async with start() as client:
        assert await guest_key(client) == first


@pytest.mark.fault(69)
async def test_a_new_key_is_published_first_signs_later_and_then_replaces_the_old_one(
    client: httpx2.AsyncClient, clock: Clock, keys: SigningKeyRepository
) -> None:
    old = await guest_key(client)
    new = (await rotate(keys, now=clock())).key_id

    clock.advance(seconds=A_WHILE)
    assert [key["kid"] for key in await published(client)] == [old, new]
    assert await guest_key(client) == old

    clock.advance(seconds=PUBLISH_AHEAD_MS / 1000)
    assert [key["kid"] for key in await published(client)] == [old, new]
    assert await guest_key(client) == new

    clock.advance(seconds=STAY_PUBLISHED_MS / 1000)
    assert [key["kid"] for key in await published(client)] == [new]


@pytest.mark.fault(69)
async def test_nobody_is_logged_out_by_a_rotation(
    client: httpx2.AsyncClient, clock: Clock, keys: SigningKeyRepository, start: Start
) -> None:
    await register(client)
    before = await log_in(client)
    await rotate(keys, now=clock(), at_once=True)
    clock.advance(seconds=A_WHILE)
    after = await log_in(client)
    assert header_of(before)["kid"] != header_of(after)["kid"]

    async with start() as fresh:
        for tokens in (before, after):
            assert (await fresh.get("/v1/users/me", headers=bearer(tokens))).status_code == 200


@pytest.mark.fault(69)
async def test_what_a_withdrawn_key_signed_is_refused(
    client: httpx2.AsyncClient, clock: Clock, keys: SigningKeyRepository, start: Start
) -> None:
    await register(client)
    tokens = await log_in(client)
    await rotate(keys, now=clock(), at_once=True)
    await withdraw(keys, header_of(tokens)["kid"])

    async with start() as fresh:
        assert (await fresh.get("/v1/users/me", headers=bearer(tokens))).status_code == 401
        again = (
            await fresh.post(
                "/v1/sessions:refresh", json={"refresh_token": tokens["refresh_token"]}
            )
        ).json()
        assert (await fresh.get("/v1/users/me", headers=bearer(again))).status_code == 200


async def test_a_rotation_under_way_is_not_overtaken_by_another(
    client: httpx2.AsyncClient, clock: Clock, keys: SigningKeyRepository
) -> None:
    await guest_key(client)
    first = await rotate(keys, now=clock())
    assert (await rotate(keys, now=clock())).key_id == first.key_id
    assert len(await keys.all()) == 2


async def test_keys_that_are_over_are_removed_by_the_next_rotation(
    clock: Clock, keys: SigningKeyRepository
) -> None:
    for _ in range(4):
        await rotate(keys, now=clock())
        clock.advance(seconds=24 * 60 * 60)
    assert [key.generation for key in await keys.all()] == [3, 4]


async def test_the_only_key_and_an_unknown_key_are_not_withdrawn(
    clock: Clock, keys: SigningKeyRepository
) -> None:
    only = await rotate(keys, now=clock())
    with pytest.raises(NotPossible, match="only key"):
        await withdraw(keys, only.key_id)
    with pytest.raises(NotPossible, match="no key"):
        await withdraw(keys, "x")


async def test_the_service_is_no_upstream_of_its_own(client: httpx2.AsyncClient) -> None:
    account = await register(client)
    mine = await client.get("/v1/users/me", headers=bearer(await log_in(client)))
    assert mine.json()["id"] == account["id"]

    assert 'upstream="user"' not in (await client.get("/metrics")).text


def test_the_command_lists_rotates_and_withdraws(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARTWHEEL_STORE_URL", sqlite_url)
    assert main(["list"]) == 0
    assert "no key yet" in capsys.readouterr().out
    assert main(["rotate"]) == 0
    first = capsys.readouterr().out.split()[1]
    assert main(["rotate", "--at-once"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()] == [
        "published",
        "signs",
    ]
    assert main(["withdraw", first]) == 0
    assert main(["withdraw", first]) == 1
    assert "no key" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["", "valkey://127.0.0.1:6379"])
def test_the_command_refuses_a_store_it_cannot_use(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CARTWHEEL_STORE_URL", url)
    assert main(["list"]) == 2
    assert "CARTWHEEL_STORE_URL" in capsys.readouterr().err

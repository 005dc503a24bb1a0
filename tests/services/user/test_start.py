"""Start-up: with and without a store, with wrong settings, several replicas at once."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from app.settings import SettingsError, load
from app.stores.migrations import migrate
from services.user.main import build
from services.user.settings import UserSettings
from tests.services.user.conftest import SERVICE_TOKEN, Start
from tests.services.user.people import ANN, log_in, refresh, register, try_password, until_ready
from tests.support.asgi import running
from tests.support.processes import start_service


def environment(store_url: str, **more: str) -> Mapping[str, str]:
    return {
        "CARTWHEEL_STORE_URL": store_url,
        "CARTWHEEL_SERVICE_TOKENS": SERVICE_TOKEN,
        **{f"CARTWHEEL_{name.upper()}": value for name, value in more.items()},
    }


async def test_processes_racing_at_their_first_start_make_one_key_and_one_staff_account(
    store_url: str, tmp_path: Path
) -> None:
    await migrate("services.user", store_url)
    env = environment(store_url, staff_email="staff@example.com", staff_password="open sesame 42")
    async with AsyncExitStack() as stack:
        replicas = await asyncio.gather(
            *(
                stack.enter_async_context(start_service("user", env, folder=tmp_path))
                for _ in range(3)
            )
        )
        key_ids = set()
        for replica in replicas:
            async with httpx2.AsyncClient(base_url=replica.url) as client:
                published = (await client.get("/.well-known/jwks.json")).json()["keys"]
                key_ids.add(tuple(key["kid"] for key in published))
                await log_in(client, email="staff@example.com", password="open sesame 42")
        assert len(key_ids) == 1
        assert len(key_ids.pop()) == 1


async def test_a_life_of_an_account_on_a_real_store(store_url: str) -> None:
    await migrate("services.user", store_url)
    settings = load(UserSettings, store_url=store_url, service_tokens=(SERVICE_TOKEN,))
    async with running(build(settings)) as client:
        await register(client)
        tokens = (await refresh(client, await log_in(client))).json()
        me = {"authorization": f"Bearer {tokens['access_token']}"}
        change = {"name": "Ann B.", "password": "another one", "current_password": ANN["password"]}
        assert (await client.patch("/v1/users/me", headers=me, json=change)).status_code == 200
        await log_in(client, password="another one")
        assert (await client.delete("/v1/users/me", headers=me)).status_code == 204
        assert (await try_password(client, "another one")).status_code == 401


@pytest.mark.fault(79)
async def test_logs_hold_neither_secrets_nor_personal_data(sqlite_url: str, tmp_path: Path) -> None:
    env = environment(sqlite_url, log_level="debug")
    async with start_service("user", env, folder=tmp_path) as replica:
        async with httpx2.AsyncClient(base_url=replica.url) as client:
            await register(client)
            tokens = await log_in(client)
            await try_password(client, "a wrong one")
            await refresh(client, tokens)
            await client.post("/v1/users", json={**ANN, "name": 1})
        assert await replica.stop() == 0
        lines = replica.output.splitlines()
    assert all(json.loads(line)["service"] == "user" for line in lines)
    told = [ANN["email"], ANN["password"], "a wrong one", SERVICE_TOKEN, tokens["access_token"]]
    for secret in (*told, *tokens["refresh_token"].split(".")):
        assert secret not in replica.output


@pytest.mark.fault(14, store="sqlite")
async def test_without_tables_the_replica_lives_but_is_not_ready_until_they_are_there(
    start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    staff = {"staff_email": "staff@example.com", "staff_password": "open sesame 42"}
    async with start(store_url=url, **staff) as client:
        assert (await client.get("/livez")).status_code == 200
        unready = await client.get("/readyz?verbose")
        assert unready.status_code == 503
        assert "cartwheel migrate" in unready.text

        await migrate("services.user", url)
        await until_ready(client)
        await log_in(client, email="staff@example.com", password="open sesame 42")


async def test_a_store_that_is_made_anew_gets_its_staff_account_without_a_restart(
    start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'lost.db'}"
    await migrate("services.user", url)
    staff = {"staff_email": "staff@example.com", "staff_password": "open sesame 42"}
    async with start(store_url=url, password_attempts_per_account=60_000, **staff) as client:
        await until_ready(client)
        for lost in tmp_path.glob("lost.db*"):
            lost.unlink()
        assert (await client.post("/v1/guests")).status_code == 503

        await migrate("services.user", url)
        async with asyncio.timeout(20):
            while await try_staff(client) != 201:
                await client.get("/readyz")
                await asyncio.sleep(0.2)
        await until_ready(client)


async def try_staff(client: httpx2.AsyncClient) -> int:
    response = await try_password(client, "open sesame 42", email="staff@example.com")
    return response.status_code


async def test_without_a_store_requests_are_told_to_come_back(start: Start) -> None:
    async with start(store_url="postgresql://shop@127.0.0.1:1/shop") as client:
        guest = await client.post("/v1/guests")
        assert guest.status_code == 503
        assert int(guest.headers["retry-after"]) >= 1
        assert (await client.get("/.well-known/jwks.json")).status_code == 503
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/livez")).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"store_url": "valkey://127.0.0.1:6379"}, "CARTWHEEL_STORE_URL"),
        ({"staff_email": "staff@example.com"}, "CARTWHEEL_STAFF_PASSWORD"),
        ({"staff_password": "open sesame 42"}, "CARTWHEEL_STAFF_EMAIL"),
        ({"staff_email": "staff", "staff_password": "open sesame 42"}, "CARTWHEEL_STAFF_EMAIL"),
        ({"staff_email": "a@example.com", "staff_password": "short"}, "at least 8 characters"),
        ({"access_token_seconds": 3600}, "CARTWHEEL_ACCESS_TOKEN_SECONDS"),
        ({"password_attempts_per_account": 0}, "CARTWHEEL_PASSWORD_ATTEMPTS_PER_ACCOUNT"),
        ({"service_tokens": ()}, "CARTWHEEL_SERVICE_TOKENS"),
    ],
)
def test_wrong_settings_are_named_and_secrets_are_not(wrong: dict[str, object], named: str) -> None:
    settings = {"store_url": "sqlite:///user.db", "service_tokens": (SERVICE_TOKEN,), **wrong}
    with pytest.raises(SettingsError, match=named) as refusal:
        load(UserSettings, **settings)
    assert "sesame" not in str(refusal.value)

"""Guessing passwords is slow for everybody, and does not lock out the owner."""

import asyncio

import httpx2
import pytest

from services.user.rate_limiter import TooManyAttempts, hashed_key, network_of
from services.user.repository import RateLimit
from tests.services.user.conftest import SERVICE_TOKEN, Clock, Start
from tests.services.user.people import ANN, bearer, log_in, problem_type, register, try_password


def from_address(address: str, *, token: str = SERVICE_TOKEN) -> dict[str, str]:
    """The headers of a request that the storefront forwards."""
    return {"x-forwarded-for": address, "x-service-token": token}


async def guess(client: httpx2.AsyncClient, times: int, *, address: str = "") -> list[int]:
    headers = from_address(address) if address else None
    responses = await asyncio.gather(
        *(try_password(client, f"wrong {number}", headers=headers) for number in range(times))
    )
    return sorted(response.status_code for response in responses)


@pytest.mark.fault(72)
async def test_of_many_parallel_guesses_five_are_looked_at(client: httpx2.AsyncClient) -> None:
    await register(client)
    assert await guess(client, 20) == [401] * 5 + [429] * 15


@pytest.mark.fault(72)
async def test_replicas_count_together(start: Start) -> None:
    async with start() as one, start() as other:
        await register(one)
        responses = await asyncio.gather(guess(one, 10), guess(other, 10))
    assert sorted(responses[0] + responses[1]) == [401] * 5 + [429] * 15


@pytest.mark.fault(72)
async def test_a_refusal_says_when_to_come_back_and_keeps_its_word(
    client: httpx2.AsyncClient, clock: Clock
) -> None:
    await register(client)
    await guess(client, 5)
    response = await try_password(client)
    assert (response.status_code, problem_type(response)) == (429, "too-many-attempts")

    clock.advance(seconds=int(response.headers["retry-after"]))
    await log_in(client)


@pytest.mark.fault(71, 72)
async def test_an_unknown_account_is_limited_like_a_known_one(client: httpx2.AsyncClient) -> None:
    assert await guess(client, 8) == [401] * 5 + [429] * 3


async def test_logging_in_is_not_limited(client: httpx2.AsyncClient) -> None:
    await register(client)
    for _ in range(12):
        await log_in(client)


@pytest.mark.fault(72)
async def test_guesses_from_elsewhere_do_not_keep_the_owner_out(
    client: httpx2.AsyncClient,
) -> None:
    await register(client)
    home = from_address("192.0.2.1")
    await log_in(client, headers=home)
    assert set(await guess(client, 12, address="198.51.100.7")) == {401, 429}

    await log_in(client, headers=home)


async def test_guesses_from_a_known_address_are_limited_too(client: httpx2.AsyncClient) -> None:
    await register(client)
    await log_in(client, headers=from_address("192.0.2.1"))
    assert await guess(client, 8, address="192.0.2.1") == [401] * 5 + [429] * 3


async def test_many_addresses_share_the_bucket_of_an_account(client: httpx2.AsyncClient) -> None:
    await register(client)
    statuses = []
    for number in range(8):
        statuses += await guess(client, 1, address=f"198.51.100.{number}")
    assert statuses == [401] * 5 + [429] * 3


@pytest.mark.fault(72)
async def test_one_address_cannot_try_one_password_on_many_accounts(start: Start) -> None:
    async with start(failed_passwords_per_address=10) as client:
        responses = [
            await try_password(client, email=f"{number}@example.com", headers=headers)
            for headers in [from_address("198.51.100.7")]
            for number in range(12)
        ]
        elsewhere = await try_password(
            client, email="x@example.com", headers=from_address("192.0.2.9")
        )
    assert [response.status_code for response in responses] == [401] * 10 + [429] * 2
    assert elsewhere.status_code == 401


async def test_what_others_guess_at_an_address_does_not_keep_its_owners_out(start: Start) -> None:
    office = from_address("192.0.2.1")
    bob = {"email": "bob@example.com"}
    async with start(failed_passwords_per_address=10) as client:
        await register(client)
        await client.post("/v1/users", json={**ANN, **bob}, headers=office)
        await log_in(client, headers=office)
        guesses = [
            await try_password(client, email=f"{number}@example.com", headers=office)
            for number in range(30)
        ]
        owners = [
            await try_password(client, headers=office),
            await try_password(client, email=bob["email"], headers=office),
        ]
        elsewhere = await try_password(client, headers=from_address("192.0.2.2"))
    assert [response.status_code for response in guesses] == [401] * 10 + [429] * 20
    # Ann has logged in from there, Bob has made his account there.
    assert [response.status_code for response in owners] == [201, 201]
    assert elsewhere.status_code == 201


async def test_an_address_that_failed_too_often_does_not_tell_who_logs_in_from_there(
    start: Start,
) -> None:
    office = from_address("192.0.2.1")
    async with start(failed_passwords_per_address=10) as client:
        await register(client)
        await log_in(client, headers=office)
        for number in range(10):
            await try_password(client, email=f"{number}@example.com", headers=office)
        known = [await try_password(client, "wrong", headers=office) for _ in range(7)]
        unknown = [
            await try_password(client, "wrong", email="x@example.com", headers=office)
            for _ in range(7)
        ]
    told = {
        (response.status_code, response.headers["retry-after"], response.json()["detail"])
        for response in known + unknown
    }
    assert len(told) == 1


@pytest.mark.parametrize("token", ["", "wrong", SERVICE_TOKEN + "x"])
async def test_a_stranger_cannot_say_which_address_it_has(start: Start, token: str) -> None:
    async with start(failed_passwords_per_address=3) as client:
        responses = [
            await try_password(
                client,
                email=f"{number}@example.com",
                headers=from_address(f"192.0.2.{number}", token=token),
            )
            for number in range(5)
        ]
    assert [response.status_code for response in responses] == [401] * 3 + [429] * 2


async def test_the_last_address_of_a_forwarded_list_counts(start: Start) -> None:
    async with start(failed_passwords_per_address=1) as client:
        responses = [
            await try_password(
                client,
                email=f"{number}@example.com",
                headers=from_address(f"203.0.113.{number}, 192.0.2.1"),
            )
            for number in range(2)
        ]
    assert [response.status_code for response in responses] == [401, 429]


async def test_registrations_are_limited_by_address(start: Start) -> None:
    async with start(registrations_per_address=3) as client:
        responses = [
            await client.post("/v1/users", json={**ANN, "email": f"{number}@example.com"})
            for number in range(5)
        ]
    assert [response.status_code for response in responses] == [201] * 3 + [429] * 2
    assert int(responses[-1].headers["retry-after"]) == 20


async def test_guests_are_limited_by_address_and_may_come_in_a_crowd(
    start: Start, clock: Clock
) -> None:
    async with start(guests_per_address=3) as client:
        stranger, neighbour = from_address("198.51.100.7"), from_address("192.0.2.1")
        responses = [await client.post("/v1/guests", headers=stranger) for _ in range(32)]
        elsewhere = await client.post("/v1/guests", headers=neighbour)
        clock.advance(seconds=int(responses[-1].headers["retry-after"]))
        later = await client.post("/v1/guests", headers=stranger)
    assert [response.status_code for response in responses] == [201] * 30 + [429] * 2
    assert responses[-1].headers["retry-after"] == "20"
    assert problem_type(responses[-1]) == "too-many-attempts"
    assert [elsewhere.status_code, later.status_code] == [201, 201]


async def test_a_known_key_is_counted_like_any_guest(start: Start) -> None:
    """Each response is a session, which is a row, even for the same guest."""
    async with start(guests_per_address=3) as client:
        named = from_address("198.51.100.7") | {"idempotency-key": "0123456789abcdef" * 2}
        responses = [await client.post("/v1/guests", headers=named) for _ in range(32)]
    assert [response.status_code for response in responses] == [201] * 30 + [429] * 2


async def test_asking_whether_one_email_is_taken_is_limited(client: httpx2.AsyncClient) -> None:
    responses = [await client.post("/v1/users", json=ANN) for _ in range(7)]
    assert [response.status_code for response in responses] == [201] + [409] * 4 + [429] * 2


async def test_the_current_password_cannot_be_guessed_either(client: httpx2.AsyncClient) -> None:
    await register(client)
    me = bearer(await log_in(client))
    responses = [
        await client.patch(
            "/v1/users/me",
            headers=me,
            json={"email": "eve@example.com", "current_password": f"wrong {number}"},
        )
        for number in range(7)
    ]
    assert [response.status_code for response in responses] == [403] * 5 + [429] * 2


@pytest.mark.fault(73)
async def test_a_flood_of_log_ins_is_sent_away_and_the_rest_goes_on(start: Start) -> None:
    async with start(longest_password_line=2, password_attempts_per_account=60_000) as client:
        flood = [
            asyncio.create_task(try_password(client, email=f"{number}@example.com"))
            for number in range(20)
        ]
        await asyncio.gather(*(client.post("/v1/guests") for _ in range(5)))
        responses = await asyncio.gather(*flood)
    busy = [response for response in responses if response.status_code == 503]
    assert {response.status_code for response in responses} == {401, 503}
    assert {problem_type(response) for response in busy} == {"passwords-busy"}
    assert all(int(response.headers["retry-after"]) >= 1 for response in busy)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", "unknown"),
        ("a, b", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_callers_are_counted_by_the_network_one_customer_gets(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_limit_of_five_a_minute_allows_one_more_every_twelve_seconds() -> None:
    assert (RateLimit(5).interval_ms, RateLimit(5).tolerance_ms) == (12_000, 48_000)


def test_a_refusal_never_asks_for_a_wait_that_is_too_short() -> None:
    assert [TooManyAttempts.until(wait).retry_after for wait in (1, 1000, 1001, 12_000)] == [
        1,
        1,
        2,
        12,
    ]


def test_keys_of_different_things_differ_and_tell_nothing() -> None:
    assert hashed_key("ab", "c") != hashed_key("a", "bc")
    assert "ann" not in hashed_key("account", "ann@example.com")

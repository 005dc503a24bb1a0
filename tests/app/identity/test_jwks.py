"""The signer's keys: fetched seldom, kept while the signer is down."""

import asyncio
from typing import Any

import httpx2
import pytest

from app.client import Upstream
from app.errors import Unauthenticated, Unavailable
from app.identity import JwksClient, TokenVerifier
from app.telemetry.metrics import Metrics
from tests.app.clocks import Clock
from tests.app.identity.verifying import SIGNER, KeyServer, verifier
from tests.support.identity import AUDIENCE, ISSUER, Signer
from tests.support.network import FakeNetwork


async def test_keys_are_fetched_once_for_many_tokens() -> None:
    server = KeyServer(SIGNER)
    async with verifier(server) as verify:
        for number in range(20):
            await verify.verify(SIGNER.token(f"user_{number}"))

    assert server.asked == 1


async def test_keys_are_fetched_once_for_concurrent_callers() -> None:
    server = KeyServer(SIGNER)
    async with verifier(server) as verify:
        calls = (verify.verify(SIGNER.token(f"user_{number}")) for number in range(50))
        await asyncio.gather(*calls)

    assert server.asked == 1


async def test_known_keys_serve_while_they_are_fetched_again() -> None:
    clock, server = Clock(), KeyServer(SIGNER)
    async with verifier(server, clock=clock) as verify:
        await verify.verify(SIGNER.token())
        server.free.clear()
        server.reached.clear()
        clock.advance(61)
        notices = asyncio.create_task(verify.verify(SIGNER.token()))
        await asyncio.wait_for(server.reached.wait(), 5)

        identity = await asyncio.wait_for(verify.verify(SIGNER.token("user_2")), 0.5)
        server.free.set()
        await notices

    assert identity.subject == "user_2"


@pytest.mark.fault(69)
async def test_a_new_key_is_found_and_the_old_one_stays_good() -> None:
    clock, new = Clock(), Signer("new-key")
    server = KeyServer(SIGNER)
    async with verifier(server, clock=clock) as verify:
        await verify.verify(SIGNER.token())
        server.signers = (SIGNER, new)
        clock.advance(5)

        assert (await verify.verify(new.token())).subject == "user_1"
        assert (await verify.verify(SIGNER.token())).subject == "user_1"


@pytest.mark.fault(69)
async def test_a_withdrawn_key_is_refused_within_a_minute_for_verified_tokens_too() -> None:
    clock, new = Clock(), Signer("new-key")
    server = KeyServer(SIGNER, new)
    token = SIGNER.token()
    async with verifier(server, clock=clock) as verify:
        await verify.verify(token)
        server.signers = (new,)
        clock.advance(61)

        with pytest.raises(Unauthenticated):
            await verify.verify(token)
        assert (await verify.verify(new.token())).subject == "user_1"


async def test_a_verified_token_is_not_recalled_while_its_key_may_be_withdrawn() -> None:
    clock, new = Clock(), Signer("new-key")
    server = KeyServer(SIGNER, new)
    token = SIGNER.token()
    async with verifier(server, clock=clock) as verify:
        identity = await verify.verify(token)
        clock.advance(59)
        assert verify.recall(token.encode()) is identity
        server.signers = (new,)
        clock.advance(2)
        assert verify.recall(token.encode()) is None
        await verify.verify(new.token())
        assert verify.recall(token.encode()) is None


@pytest.mark.fault(69)
async def test_unknown_key_ids_do_not_hammer_the_signer() -> None:
    clock = Clock()
    server = KeyServer(SIGNER)
    async with verifier(server, clock=clock) as verify:
        for number in range(100):
            with pytest.raises(Unauthenticated):
                await verify.verify(Signer(f"key-{number}").token())
            clock.advance(0.1)

    assert server.asked <= 3


async def test_old_keys_stay_good_while_the_signer_is_down() -> None:
    clock = Clock()
    server = KeyServer(SIGNER)
    async with verifier(server, clock=clock) as verify:
        await verify.verify(SIGNER.token())
        server.down = True
        clock.advance(3600)

        assert (await verify.verify(SIGNER.token("user_2"))).subject == "user_2"


async def test_without_any_key_the_error_is_not_that_the_token_is_invalid() -> None:
    server = KeyServer(SIGNER)
    server.down = True
    async with verifier(server) as verify:
        with pytest.raises(Unavailable):
            await verify.verify(SIGNER.token())


async def test_a_signer_that_starts_late_is_found() -> None:
    clock = Clock()
    server = KeyServer(SIGNER)
    server.down = True
    async with verifier(server, clock=clock) as verify:
        with pytest.raises(Unavailable):
            await verify.verify(SIGNER.token())
        server.down = False
        clock.advance(0.5)

        assert (await verify.verify(SIGNER.token())).subject == "user_1"


async def test_keys_of_other_kinds_are_skipped() -> None:
    def publish(request: httpx2.Request) -> httpx2.Response:
        others: list[dict[str, Any]] = [
            {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "broken", "x": "AA"},
            {"kty": "OKP", "crv": "X25519", "kid": "x", "x": SIGNER.jwk()["x"]},
            {"kty": "OKP", "crv": "Ed25519", "kid": 7, "x": SIGNER.jwk()["x"]},
        ]
        return httpx2.Response(200, json={"keys": [*others, SIGNER.jwk()]})

    transport = FakeNetwork(publish)
    async with Upstream(
        "user", "http://user", metrics=Metrics("cart"), transport=transport
    ) as jwks:
        verify = TokenVerifier(JwksClient(jwks), issuer=ISSUER, audience=AUDIENCE)

        assert (await verify.verify(SIGNER.token())).subject == "user_1"


async def test_tokens_do_not_hammer_a_signer_that_never_published_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock, server = Clock(), KeyServer(SIGNER)
    server.down = True
    async with verifier(server, clock=clock) as verify:
        for _ in range(2):
            for number in range(50):
                with pytest.raises(Unavailable):
                    await verify.verify(SIGNER.token(f"user_{number}"))
            clock.advance(0.5)
    assert capsys.readouterr().out.count("keys.not_refreshed") == 2

"""Access tokens: who passes, and how little the others learn."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.errors import Unauthenticated
from tests.app.clocks import Clock
from tests.app.identity.verifying import SIGNER, is_good, verifier
from tests.support.identity import AUDIENCE, Signer, access_claims, encode


async def test_a_valid_token_identifies_the_caller() -> None:
    async with verifier() as verify:
        identity = await verify.verify(SIGNER.token("user_1", roles=("user", "staff")))

    assert identity.subject == "user_1"
    assert identity.roles == {"user", "staff"}
    assert identity.session == "session_1"
    assert identity.expires_at > time.time()


def with_header(**changes: Any) -> str:
    return SIGNER.sign({**SIGNER.header(), **changes}, access_claims())


def with_claims(**changes: Any) -> str:
    claims = {**access_claims(), **changes}
    return SIGNER.sign(
        SIGNER.header(), {name: value for name, value in claims.items() if value is not None}
    )


def with_raw_claim(name: str, value: str) -> str:
    """A claim whose JSON text is written as given."""
    claims = access_claims()
    claims[name] = "HERE"
    return SIGNER.sign(SIGNER.header(), json.dumps(claims).replace('"HERE"', value).encode())


def unsigned(alg: str) -> str:
    header, claims, _ = with_header(alg=alg).split(".")
    return f"{header}.{claims}."


def signed_with_public_key_as_secret() -> str:
    signed = with_header(alg="HS256").rpartition(".")[0]
    secret = base64.urlsafe_b64decode(SIGNER.jwk()["x"] + "=")
    return f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def with_embedded_key() -> str:
    attacker = Signer(SIGNER.kid)
    return attacker.sign({**attacker.header(), "jwk": attacker.jwk()}, access_claims())


def changed(part: int, change: Callable[[str], str]) -> str:
    parts = SIGNER.token().split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


def other_last_character(part: str) -> str:
    """Another spelling of the same bytes: the last character's unused bits set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


NOW = int(time.time())

BAD_TOKENS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "not a token": lambda: "bearer",
    "two parts": lambda: SIGNER.token().rpartition(".")[0],
    "four parts": lambda: SIGNER.token() + ".e30",
    "one megabyte": lambda: with_claims(padding="x" * 1_000_000),
    "a little too long": lambda: with_claims(padding="x" * 4096),
    "not ASCII": lambda: "é.é.é",
    "NUL inside": lambda: SIGNER.token() + "\0",
    "alg none": lambda: unsigned("none"),
    "alg nOnE": lambda: unsigned("nOnE"),
    "alg none with a signature": lambda: with_header(alg="none"),
    "no alg": lambda: SIGNER.sign({"typ": "at+jwt", "kid": SIGNER.kid}, access_claims()),
    "HS256 with the public key": signed_with_public_key_as_secret,
    "alg RS256": lambda: with_header(alg="RS256"),
    "alg a list": lambda: with_header(alg=["EdDSA"]),
    "signed with another key": lambda: Signer(SIGNER.kid).token(),
    "unknown kid": lambda: Signer("other").token(),
    "no kid": lambda: SIGNER.sign({"alg": "EdDSA", "typ": "at+jwt"}, access_claims()),
    "kid a path": lambda: with_header(kid="../../../../dev/null"),
    "kid SQL": lambda: with_header(kid="' OR 1=1 --"),
    "kid a number": lambda: with_header(kid=1),
    "crit": lambda: with_header(crit=["exp"]),
    "b64 false": lambda: with_header(b64=False, crit=["b64"]),
    "embedded jwk": with_embedded_key,
    "jku": lambda: with_header(jku="http://127.0.0.1:1/jwks.json"),
    "x5u": lambda: with_header(x5u="http://127.0.0.1:1/cert"),
    "typ JWT": lambda: with_header(typ="JWT"),
    "no typ": lambda: SIGNER.sign({"alg": "EdDSA", "kid": SIGNER.kid}, access_claims()),
    "header not an object": lambda: SIGNER.sign(b"[]", access_claims()),
    "header a list of members": lambda: SIGNER.sign(b'["alg","b64","crit"]', access_claims()),
    "header a text": lambda: SIGNER.sign(b'"alg b64"', access_claims()),
    "header not JSON": lambda: SIGNER.sign(b"{", access_claims()),
    "header not UTF-8": lambda: SIGNER.sign(b'{"alg":"\xff"}', access_claims()),
    "expired": lambda: with_claims(iat=NOW - 700, exp=NOW - 60),
    "no exp": lambda: with_claims(exp=None),
    "string exp": lambda: with_claims(exp=str(NOW + 600)),
    "float exp": lambda: with_claims(exp=NOW + 600.5),
    "true exp": lambda: with_claims(exp=True),
    "exp of 400 digits": lambda: with_raw_claim("exp", "9" * 400),
    "exp 1e400": lambda: with_raw_claim("exp", "1e400"),
    "exp NaN": lambda: with_raw_claim("exp", "NaN"),
    "negative exp": lambda: with_claims(exp=-1),
    "longer than fifteen minutes": lambda: with_claims(exp=NOW + 86400),
    "expires before it begins": lambda: with_claims(iat=NOW, exp=NOW - 1),
    "issued in the future": lambda: with_claims(iat=int(time.time()) + 60),
    "not before the future": lambda: with_claims(nbf=int(time.time()) + 60),
    "wrong aud": lambda: with_claims(aud="elsewhere"),
    "aud a list": lambda: with_claims(aud=[AUDIENCE]),
    "no aud": lambda: with_claims(aud=None),
    "wrong iss": lambda: with_claims(iss="elsewhere"),
    "no iss": lambda: with_claims(iss=None),
    "no sub": lambda: with_claims(sub=None),
    "sub a number": lambda: with_claims(sub=1),
    "sub with a line break": lambda: with_claims(sub="user\nadmin"),
    "roles a string": lambda: with_claims(roles="staff"),
    "no roles": lambda: with_claims(roles=None),
    "claims not an object": lambda: SIGNER.sign(SIGNER.header(), b"[]"),
    "claims not JSON": lambda: SIGNER.sign(SIGNER.header(), b"exp"),
    "claims of ten thousand levels": lambda: SIGNER.sign(SIGNER.header(), b"[" * 2000),
    "padded header": lambda: changed(0, lambda part: part + "="),
    "padded claims": lambda: changed(1, lambda part: part + "=="),
    "padded signature": lambda: changed(2, lambda part: part + "=="),
    "signature in another spelling": lambda: changed(2, other_last_character),
    "signature in the other base64": lambda: changed(2, lambda part: part[:-1] + "+"),
    "signature cut": lambda: changed(2, lambda part: part[:-4]),
    "signature empty": lambda: changed(2, lambda part: ""),
    "white space around": lambda: f" {SIGNER.token()} ",
    "line break inside": lambda: changed(1, lambda part: part[:8] + "\n" + part[8:]),
}


@pytest.mark.fault(68)
@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_an_invalid_token_is_refused_with_one_constant_body(
    make: Callable[[], str],
) -> None:
    token = make()
    async with verifier() as verify:
        started = time.perf_counter()
        with pytest.raises(Unauthenticated) as refused:
            await verify.verify(token)
        taken = time.perf_counter() - started

    assert refused.value.content("id") == Unauthenticated(
        "A valid access token is required."
    ).content("id")
    assert taken < 0.5  # 5 ms on a machine of its own, key fetch included


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
async def test_both_names_of_the_algorithm_are_good(alg: str) -> None:
    async with verifier() as verify:
        assert (await verify.verify(with_header(alg=alg))).subject == "user_1"


@pytest.mark.fault(32)
@pytest.mark.parametrize(("seconds_ago", "good"), [(4, True), (6, False)])
async def test_a_token_is_good_for_five_seconds_after_its_end(seconds_ago: int, good: bool) -> None:
    wall_clock = Clock(1_000_000)
    token = SIGNER.token(issued_at=wall_clock.now - 600 - seconds_ago, expires_in=600)
    async with verifier(wall_clock=wall_clock) as verify:
        assert await is_good(verify, token) is good


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(
    ("seconds_ahead", "good"), [(-30, True), (8, True), (30, True), (31, False)]
)
async def test_a_new_token_is_valid_though_the_signers_clock_differs(
    claim: str, seconds_ahead: int, good: bool
) -> None:
    wall_clock = Clock(1_000_000)
    moment = int(wall_clock.now) + seconds_ahead
    token = with_claims(**{"iat": int(wall_clock.now), "exp": moment + 600, claim: moment})
    async with verifier(wall_clock=wall_clock) as verify:
        assert await is_good(verify, token) is good


@pytest.mark.fault(32)
async def test_a_verified_token_still_expires() -> None:
    clock, wall_clock = Clock(), Clock(1_000_000)
    token = SIGNER.token(issued_at=wall_clock.now, expires_in=60)
    async with verifier(clock=clock, wall_clock=wall_clock) as verify:
        await verify.verify(token)
        clock.advance(64)
        await verify.verify(token)
        clock.advance(2)
        wall_clock.now -= 600  # setting the wall clock back does not bring it back to life
        with pytest.raises(Unauthenticated):
            await verify.verify(token)


async def test_verified_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.identity.tokens.MAX_VERIFIED", 10)
    async with verifier() as verify:
        for number in range(30):
            await verify.verify(SIGNER.token(f"user_{number}"))

        assert len(verify._verified) == 10


async def test_only_a_verified_token_is_recalled_and_only_until_it_expires() -> None:
    clock, wall_clock = Clock(), Clock(1_000_000)
    token = SIGNER.token(issued_at=wall_clock.now, expires_in=60)
    other = SIGNER.token("user_2", issued_at=wall_clock.now, expires_in=60)
    async with verifier(clock=clock, wall_clock=wall_clock) as verify:
        assert verify.recall(token.encode()) is None
        identity = await verify.verify(token)
        clock.advance(59)
        assert verify.recall(token.encode()) is identity
        assert verify.recall(other.encode()) is None
        clock.advance(7)
        assert verify.recall(token.encode()) is None


async def test_what_is_kept_of_a_token_is_no_token() -> None:
    token = SIGNER.token()
    async with verifier() as verify:
        await verify.verify(token)
        kept = repr(verify._verified)

    assert not [part for part in token.split(".") if part in kept]

"""What it costs to check an access token: one that was seen before, and new ones."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence

from joserfc import jwt
from joserfc.jwk import OKPKey

from app.identity import TokenVerifier

SEEN_CHECKS = 20_000
NEW_TOKENS = 1_000
KEY_ID = "bench"


class Keys:
    """A `KeySource` with one key."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key

    def is_current(self, kid: str) -> bool:
        return kid == KEY_ID

    async def find(self, kid: str) -> OKPKey | None:
        return self._key if kid == KEY_ID else None


def sign(key: OKPKey, number: int) -> str:
    now = int(time.time())
    claims = {
        "iss": "cartwheel",
        "aud": "cartwheel",
        "sub": f"user_{number}",
        "jti": str(number),
        "sid": None,
        "roles": ["user"],
        "iat": now,
        "exp": now + 600,
    }
    header = {"alg": "Ed25519", "typ": "at+jwt", "kid": KEY_ID}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])


async def seconds_for_new(verifier: TokenVerifier, tokens: Sequence[str]) -> float:
    started = time.process_time()
    for token in tokens:
        await verifier.verify(token)
    return (time.process_time() - started) / len(tokens)


async def seconds_for_seen(verifier: TokenVerifier, token: str) -> float:
    # Versions that recall a token from the bytes of its header do not get to `verify`.
    recall = getattr(verifier, "recall", None)
    content = token.encode()
    started = time.process_time()
    if recall is not None:
        for _ in range(SEEN_CHECKS):
            assert recall(content) is not None
    else:
        for _ in range(SEEN_CHECKS):
            await verifier.verify(token)
    return (time.process_time() - started) / SEEN_CHECKS


async def main() -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": KEY_ID}, private=True)
    tokens = [sign(key, number) for number in range(NEW_TOKENS)]
    verifier = TokenVerifier(Keys(key), issuer="cartwheel", audience="cartwheel")
    new = await seconds_for_new(verifier, tokens)
    seen = await seconds_for_seen(verifier, tokens[-1])
    json.dump({"new": new * 1e6, "seen": seen * 1e6}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())

"""The public keys that access tokens are verified with, as their signer publishes them (JWKS)."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.client import Upstream, UpstreamBroken, UpstreamError, UpstreamResponse, raise_for_problem
from app.errors import Unavailable
from app.telemetry.context import use_context, without_deadline
from app.telemetry.logs import get_logger

KEYS_PATH = "/.well-known/jwks.json"
KEYS_TIMEOUT = 1.0
KEYS_MAX_AGE = 60.0
KEYS_MIN_INTERVAL = 5.0
"""Seconds between two fetches, however many unknown key ids are thrown at us."""
KEYS_MIN_INTERVAL_EMPTY = 0.5


class _KeyDocument(BaseModel):
    model_config = ConfigDict(extra="ignore")

    keys: list[dict[str, object]] = Field(max_length=32)


class JwksCache:
    """The signer's public keys by id: kept current, never fetched in a hurry, never thrown away.

    Keys are fetched again every minute, and when a token names one we do not hold, but at most
    every five seconds. The caller who notices waits for the fetch; the others go on with the
    keys there are. While the signer is down the old keys stay good.
    """

    def __init__(self, jwks: Upstream, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._jwks = jwks
        self._clock = clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = float("-inf")
        self._attempted_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def find(self, kid: str) -> Ed25519PublicKey | None:
        """Return the key, or None if the signer does not (any longer) publish it.

        Raises `Unavailable` as long as no key was ever seen.
        """
        key = self._keys.get(kid)
        if key is not None and (self._fetching.locked() or not self._stale()):
            return key
        async with self._fetching:
            if self._may_fetch(known=kid in self._keys):
                await self._fetch()
        if not self._keys:
            raise Unavailable(
                "Access tokens cannot be verified right now.", upstream=self._jwks.name
            )
        return self._keys.get(kid)

    def _stale(self) -> bool:
        return self._clock() - self._fetched_at > KEYS_MAX_AGE

    def _may_fetch(self, *, known: bool) -> bool:
        if known and not self._stale():
            return False
        interval = KEYS_MIN_INTERVAL if self._keys else KEYS_MIN_INTERVAL_EMPTY
        return self._clock() - self._attempted_at >= interval

    async def _fetch(self) -> None:
        self._attempted_at = self._clock()
        try:
            with use_context(without_deadline()):
                answer = await self._jwks.request(
                    "GET", KEYS_PATH, timeout=KEYS_TIMEOUT, check=_has_keys
                )
            raise_for_problem(answer)
        except UpstreamError as error:
            get_logger().warning("keys.not_refreshed", reason=str(error), kept=len(self._keys))
            return
        self._keys = _read_keys(answer.content)
        self._fetched_at = self._clock()


def _has_keys(answer: UpstreamResponse) -> None:
    if answer.status_code != 200 or not _read_keys(answer.content):
        raise UpstreamBroken(answer.upstream, "it published no usable key.")


def _read_keys(document: bytes) -> dict[str, Ed25519PublicKey]:
    try:
        entries = _KeyDocument.model_validate_json(document).keys
    except ValidationError:
        return {}
    found = {}
    for entry in entries:
        kid = entry.get("kid")
        if isinstance(kid, str) and (key := _read_key(entry)) is not None:
            found[kid] = key
    return found


def _read_key(entry: dict[str, object]) -> Ed25519PublicKey | None:
    """Keys of other kinds are skipped, not refused: the signer may be ahead of us."""
    if (entry.get("kty"), entry.get("crv")) != ("OKP", "Ed25519"):
        return None
    try:
        return cast(
            Ed25519PublicKey,
            OKPKey.import_key(
                {"kty": "OKP", "crv": "Ed25519", "x": str(entry.get("x"))}
            ).public_key,
        )
    except (JoseError, ValueError):
        return None

"""The keys that verify access tokens, fetched from where their signer publishes them (JWKS)."""

import time
from collections.abc import Callable, Mapping

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.cache import Cache
from app.client import Upstream, UpstreamBroken, UpstreamError, UpstreamResponse, raise_for_problem
from app.errors import Unavailable
from app.telemetry.logs import get_logger

JWKS_PATH = "/.well-known/jwks.json"
FETCH_TIMEOUT = 1.0
FRESH_SECONDS = 60.0
MIN_FETCH_INTERVAL = 5.0
"""Seconds between two fetches, however many tokens name unknown keys."""
FIRST_KEYS_RETRY_INTERVAL = 0.5
"""Seconds between two fetches as long as none succeeded, however many tokens come."""

Keys = Mapping[str, OKPKey]
"""By key id."""


class _KeyDocument(BaseModel):
    model_config = ConfigDict(extra="ignore")

    keys: list[dict[str, object]] = Field(max_length=32)


class JwksClient:
    """Finds the signer's public keys, cached; a `KeySource`.

    Keys are fetched again every minute, and when a token names an unknown one, but then at most
    every five seconds. The caller who starts a fetch waits for it; the others go on with the keys
    there are. While the signer is down, the known keys stay valid.
    """

    def __init__(self, signer: Upstream, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._signer = signer
        self._clock = clock
        self._failed_at = float("-inf")
        self._keys = Cache[None, Keys](
            fresh_for=FRESH_SECONDS,
            jitter=0.0,
            usable_for=float("inf"),
            retry_after=MIN_FETCH_INTERVAL,
            stale_while_loading=True,
            max_entries=1,
            clock=clock,
        )

    def is_current(self, kid: str) -> bool:
        """Whether the key is among keys that need not be fetched again yet."""
        keys = self._keys.fresh(None)
        return keys is not None and kid in keys

    async def find(self, kid: str) -> OKPKey | None:
        """Return the key, or None if the signer does not (any longer) publish it.

        Raises `Unavailable` as long as no key was ever fetched.
        """
        keys = self._keys.fresh(None)
        if keys is not None and kid in keys:
            return keys[kid]
        if self._keys.usable(None) is None and self._failed_just_now():
            raise self._no_keys()
        try:
            keys = await self._keys.get(None, self._fetch)
            if kid not in keys:
                keys = await self._keys.reload(None, self._fetch, min_interval=MIN_FETCH_INTERVAL)
        except UpstreamError as error:
            raise self._no_keys() from error
        return keys.get(kid)

    def _failed_just_now(self) -> bool:
        return self._clock() - self._failed_at < FIRST_KEYS_RETRY_INTERVAL

    def _no_keys(self) -> Unavailable:
        return Unavailable(
            "Access tokens cannot be verified right now.", upstream=self._signer.name
        )

    async def _fetch(self) -> Keys:
        try:
            response = await self._signer.request(
                "GET", JWKS_PATH, timeout=FETCH_TIMEOUT, check=_has_keys
            )
            raise_for_problem(response)
        except UpstreamError as error:
            self._failed_at = self._clock()
            kept = len(self._keys.usable(None) or ())
            get_logger().warning("keys.not_refreshed", reason=str(error), kept=kept)
            raise
        return _read_keys(response.content)


def _has_keys(response: UpstreamResponse) -> None:
    if response.status_code != 200 or not _read_keys(response.content):
        raise UpstreamBroken(response.upstream, "it published no usable key.")


def _read_keys(document: bytes) -> dict[str, OKPKey]:
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


def _read_key(entry: dict[str, object]) -> OKPKey | None:
    """Keys of other kinds are skipped, not refused: the signer may be ahead of us."""
    if (entry.get("kty"), entry.get("crv")) != ("OKP", "Ed25519"):
        return None
    try:
        return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": str(entry.get("x"))})
    except (JoseError, ValueError):
        return None

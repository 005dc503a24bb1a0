"""The cookies of the shop. All are HttpOnly and SameSite=Lax, and Secure where there is https."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from app.models import UpstreamModel

MONTH = 30 * 24 * 60 * 60
MAX_COOKIE_LENGTH = 3800
"""What all browsers keep, with room for the name and the attributes."""

_TEXTS = TypeAdapter(dict[str, str])


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser holds: a token to show and one to come back with."""

    access_token: str | None
    refresh_token: str | None

    @property
    def is_guest(self) -> bool:
        """What the token says of itself. Only for what to show: the neighbours verify."""
        return "guest" in _roles(self.access_token or "")


class Cookies:
    """Reads and writes them. ``__Host-`` keeps other hosts of a domain from planting one."""

    def __init__(self, *, https: bool) -> None:
        self._https = https
        self._prefix = "__Host-cartwheel_" if https else "cartwheel_"

    def read(self, request: Request, name: str) -> str | None:
        return request.cookies.get(self._prefix + name)

    def write(self, response: Response, name: str, value: str, *, max_age: int) -> None:
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=max_age,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._https,
        )

    def drop(self, response: Response, name: str) -> None:
        response.delete_cookie(
            self._prefix + name, path="/", httponly=True, samesite="lax", secure=self._https
        )


def pack_text(values: Mapping[str, str]) -> str | None:
    """Texts by name as one cookie value; None if they are too long for one."""
    packed = base64.urlsafe_b64encode(_TEXTS.dump_json(dict(values))).decode().rstrip("=")
    return packed if len(packed) <= MAX_COOKIE_LENGTH else None


def unpack_text(value: str | None, names: Collection[str]) -> dict[str, str]:
    """The texts of these names; nothing for what we never wrote."""
    try:
        packed = value or ""
        padding = "=" * (-len(packed) % 4)
        read = _TEXTS.validate_json(base64.urlsafe_b64decode(packed + padding))
    except ValueError:  # of base64 or of pydantic: the cookie is the visitor's
        return {}
    return {name: read[name] for name in names if name in read}


def pack_prices(prices: Mapping[str, int]) -> str:
    """SKUs and amounts as one cookie value; the oldest go when it would become too long."""
    packed = [f"{sku}.{amount}" for sku, amount in prices.items()]
    while len("~".join(packed)) > MAX_COOKIE_LENGTH:
        packed.pop(0)
    return "~".join(packed)


def unpack_prices(value: str | None) -> dict[str, int]:
    """What cannot be read is left out: the cookie is the visitor's, and only words hang on it."""
    pairs = (part.rpartition(".") for part in (value or "").split("~"))
    return {
        sku: int(amount)
        for sku, _, amount in pairs
        if sku and amount.isascii() and amount.isdigit() and len(amount) <= 15
    }


class _Claims(UpstreamModel):
    roles: list[str]


def _roles(access_token: str) -> list[str]:
    payload = access_token.split(".")[1] if access_token.count(".") == 2 else ""
    try:
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return _Claims.model_validate_json(claims).roles
    except ValueError:  # of base64 or of pydantic: the cookie is the visitor's
        return []

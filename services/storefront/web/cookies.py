"""The cookies of the shop. All are HttpOnly and SameSite=Lax, and Secure where there is https."""

from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

MONTH = 30 * 24 * 60 * 60
MAX_COOKIE_LENGTH = 3800
"""What all browsers keep, with room for the name and the attributes."""

ResponseT = TypeVar("ResponseT", bound=Response)


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

    def delete(self, response: Response, name: str) -> None:
        response.delete_cookie(
            self._prefix + name, path="/", httponly=True, samesite="lax", secure=self._https
        )


class CookieJar:
    """The cookies that a request brought, and those that its response changes."""

    def __init__(self, request: Request, cookies: Cookies) -> None:
        self._request = request
        self._cookies = cookies
        self._written: dict[str, tuple[str, int]] = {}
        self._deleted: set[str] = set()

    def received(self, name: str) -> str | None:
        """The value the request brought, whatever was written since."""
        return self._cookies.read(self._request, name)

    def write(self, name: str, value: str, *, max_age: int) -> None:
        self._deleted.discard(name)
        self._written[name] = (value, max_age)

    def delete(self, name: str) -> None:
        self._written.pop(name, None)
        self._deleted.add(name)

    def add_to(self, response: ResponseT) -> ResponseT:
        """The response, with what was written and deleted."""
        for name, (value, max_age) in self._written.items():
            self._cookies.write(response, name, value, max_age=max_age)
        for name in self._deleted:
            self._cookies.delete(response, name)
        return response

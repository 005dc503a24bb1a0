"""Sends a browser to the same page again, when another of its requests brings it new cookies.

Several tabs send the same old refresh token to several replicas at once. One replica exchanges
it; the others get nothing for it. They redirect their tab to the same address a moment later,
when the browser holds the new cookies: a GET as a GET, a form as the same form.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import Unavailable
from app.request.problems import problem_response
from services.storefront.web.cookies import Cookies

COOKIE = "tries"
PAUSES = (0.15, 0.3, 0.6, 1.2)
"""Seconds before each redirect. Together they outlast the slowest page that brings the new cookies,
and end before the user service takes the old token for stolen."""
COOKIE_MAX_AGE = 10


async def redirect_to_same_page(request: Request, cookies: Cookies) -> Response:
    """A redirect to the requested address; a 503 when that has not helped several times."""
    redirects = _count(cookies.read(request, COOKIE))
    if redirects >= len(PAUSES):
        return problem_response(Unavailable("The session is being renewed by another request."))
    await asyncio.sleep(PAUSES[redirects])
    status = 303 if request.method == "GET" else 307
    response = RedirectResponse(_address(request), status, {"cache-control": "no-store"})
    cookies.write(response, COOKIE, str(redirects + 1), max_age=COOKIE_MAX_AGE)
    return response


def _count(value: str | None) -> int:
    return int(value) if value in ("1", "2", "3", "4") else 0


def _address(request: Request) -> str:
    """The path and query as they came; never another host."""
    path = "/" + request.scope["raw_path"].decode("latin-1").partition("?")[0].lstrip("/")
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path

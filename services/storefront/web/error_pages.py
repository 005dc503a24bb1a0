"""Errors as pages, for browsers. Programs get the problem details as they are."""

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import MEDIA_TYPE
from app.request.admission import Overloaded
from app.request.context import Headers as RequestHeaders
from app.request.shedding import ReadyPage
from services.storefront.web.compression import GZIP_LEVEL

TEXTS = {
    403: ("This form went stale.", "Please load the page again and send it once more."),
    404: ("This road ends here.", "What you are looking for rolled away, or never was here."),
    405: ("That does not turn this way.", "The page exists, but not for what was tried."),
    422: ("This part of the list is not there.", "The list itself is: begin at its top."),
    503: ("We are out of breath.", "Please try again in a moment. Your cart is safe."),
}
OTHER_TEXTS = {
    True: ("A wheel came off.", "It was us, not you. Please try again in a moment."),
    False: ("We did not get that.", "Please go back, load the page again, and try once more."),
}
TRY_AGAIN = ("Try again", "")
"""Leads to the address of the page itself."""
TO_THE_SHOP = ("Back to the shop", "/")
HTML = "text/html; charset=utf-8"
PROGRAM_PATHS = ("/api/", "/static/", "/openapi.json")

Render = Callable[[Mapping[str, Any]], str]


class ErrorPages:
    """ASGI middleware: renders problem details as a page if the client accepts HTML."""

    def __init__(self, app: ASGIApp, *, render: Render) -> None:
        self.app = app
        self.render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _accepts_html(scope, dict(scope["headers"])):
            await self.app(scope, receive, send)
            return
        problem_start: Message | None = None
        body = bytearray()

        async def send_page(message: Message) -> None:
            nonlocal problem_start
            if message["type"] == "http.response.start" and _is_problem(message):
                problem_start = message
                return
            if problem_start is None:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await self._send_page(problem_start, bytes(body), send, scope=scope)

        await self.app(scope, receive, send_page)

    async def _send_page(self, start: Message, body: bytes, send: Send, *, scope: Scope) -> None:
        content = self.render(_model(start["status"], json.loads(body), scope)).encode()
        headers = MutableHeaders(scope=start)
        headers["content-type"] = HTML
        headers["content-length"] = str(len(content))
        await send(start)
        await send({"type": "http.response.body", "body": content})


class OverloadPages:
    """The error page of requests that are shed, for each link and encoding: made once.

    It has no reference, which would make each of them another one.
    """

    def __init__(self, render: Render) -> None:
        self._pages = {
            (may_try_again, is_compressed): _overload_page(
                render, may_try_again=may_try_again, is_compressed=is_compressed
            )
            for may_try_again in (False, True)
            for is_compressed in (False, True)
        }

    def __call__(self, scope: Scope, headers: RequestHeaders) -> ReadyPage | None:
        """The page for a request; None if the client is a program."""
        if not _accepts_html(scope, headers):
            return None
        is_compressed = b"gzip" in headers.get(b"accept-encoding", b"")
        return self._pages[_may_try_again(scope["method"]), is_compressed]


def _overload_page(render: Render, *, may_try_again: bool, is_compressed: bool) -> ReadyPage:
    title, text = TEXTS[Overloaded.status]
    link = TRY_AGAIN if may_try_again else TO_THE_SHOP
    body = render({"title": title, "text": text, "link": link, "request_id": None}).encode()
    headers = [(b"content-type", HTML.encode()), (b"vary", b"Accept-Encoding")]
    if not is_compressed:
        return ReadyPage(headers, body)
    headers.append((b"content-encoding", b"gzip"))
    return ReadyPage(headers, gzip.compress(body, GZIP_LEVEL, mtime=0))


def _model(status: int, problem: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
    title, text = TEXTS.get(status, OTHER_TEXTS[status >= 500])
    link = _link(status, problem, scope)
    return {"title": title, "text": text, "link": link, "request_id": problem.get("request_id")}


def _link(status: int, problem: Mapping[str, Any], scope: Scope) -> tuple[str, str]:
    if "again" in problem:
        return "Load the page again", problem["again"]
    if status == 422:
        return "Begin at the top", quote(scope["path"])
    return TRY_AGAIN if status >= 500 and _may_try_again(scope["method"]) else TO_THE_SHOP


def _may_try_again(method: str) -> bool:
    return method in ("GET", "HEAD")


def _accepts_html(scope: Scope, headers: RequestHeaders) -> bool:
    accepts = headers.get(b"accept", b"")
    return b"text/html" in accepts and not scope["path"].startswith(PROGRAM_PATHS)


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith(MEDIA_TYPE)

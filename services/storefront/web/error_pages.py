"""Errors as pages, for browsers. Programs get the problem details as they are."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import MEDIA_TYPE

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
PROGRAM_PATHS = ("/api/", "/static/", "/openapi.json")

Render = Callable[[Mapping[str, Any]], str]


class ErrorPages:
    """ASGI middleware: renders problem details as a page if the client accepts HTML."""

    def __init__(self, app: ASGIApp, *, render: Render) -> None:
        self.app = app
        self.render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _accepts_html(scope):
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
        headers["content-type"] = "text/html; charset=utf-8"
        headers["content-length"] = str(len(content))
        await send(start)
        await send({"type": "http.response.body", "body": content})


def _model(status: int, problem: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
    title, text = TEXTS.get(status, OTHER_TEXTS[status >= 500])
    link = _link(status, problem, scope)
    return {"title": title, "text": text, "link": link, "request_id": problem.get("request_id")}


def _link(status: int, problem: Mapping[str, Any], scope: Scope) -> tuple[str, str]:
    if "again" in problem:
        return "Load the page again", problem["again"]
    if status == 422:
        return "Begin at the top", quote(scope["path"])
    if status >= 500 and scope["method"] == "GET":
        return "Try again", ""  # the address of the page itself
    return "Back to the shop", "/"


def _accepts_html(scope: Scope) -> bool:
    accepts = Headers(scope=scope).get("accept", "")
    return "text/html" in accepts and not scope["path"].startswith(PROGRAM_PATHS)


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith(MEDIA_TYPE)

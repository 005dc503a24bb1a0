"""The page and its modules, styles and pictures."""

import hashlib
import re
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
PAGE = "index.html"
NAME = re.compile(r"\w[\w-]*(\.[\w-]+)*")
"""Of a folder or file: no name leads out of the folder, and none is hidden."""

STATIC = files("cartwheel.console") / "static"


async def get_page(request: Request) -> Response:
    """The page itself."""
    return _file_response(PAGE, request)


async def get_file(request: Request) -> Response:
    """A file of the page."""
    return _file_response(request.path_params["path"], request)


ROUTES = [Route("/", get_page), Route("/static/{path:path}", get_file)]


def _file_response(path: str, request: Request) -> Response:
    """The file as it is now. A browser asks each time whether it has changed.

    The tag is of the content: a time stamp may be equal in two releases.
    """
    content = _read(path)
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[path.rpartition(".")[2]])


def _read(path: str) -> bytes:
    parts = path.split("/")
    file = STATIC.joinpath(*parts)
    is_served = all(map(NAME.fullmatch, parts)) and path.rpartition(".")[2] in MEDIA_TYPES
    if not is_served or not file.is_file():
        raise HTTPException(404, "There is no such file.")
    return file.read_bytes()

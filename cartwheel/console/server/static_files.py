"""The page and its modules, styles and pictures."""

import gzip
import hashlib
import re
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _File:
    """A file as it is now. The tag is of the content: a time stamp may be equal in two releases."""

    content: bytes
    media_type: str
    tag: str


# By path, and only of what was asked for last: the tag says of which content it is.
_compressed: dict[str, tuple[str, bytes]] = {}


def _file_response(path: str, request: Request) -> Response:
    """A browser asks each time whether the file has changed: no page mixes two releases."""
    file = _read(path)
    is_compressed = _is_text(file) and "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{file.tag}-gzip"' if is_compressed else f'"{file.tag}"'
    headers = {"etag": tag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if not is_compressed:
        return Response(file.content, headers=headers, media_type=file.media_type)
    headers["content-encoding"] = "gzip"
    return Response(_compress(path, file), headers=headers, media_type=file.media_type)


def _read(path: str) -> _File:
    parts = path.split("/")
    file = STATIC.joinpath(*parts)
    media_type = MEDIA_TYPES.get(path.rpartition(".")[2])
    if media_type is None or not all(map(NAME.fullmatch, parts)) or not file.is_file():
        raise HTTPException(404, "There is no such file.")
    content = file.read_bytes()
    return _File(content, media_type, hashlib.blake2b(content, digest_size=16).hexdigest())


def _is_text(file: _File) -> bool:
    return file.media_type not in (MEDIA_TYPES["png"], MEDIA_TYPES["woff2"])


def _compress(path: str, file: _File) -> bytes:
    """Compressed once."""
    tag, compressed = _compressed.get(path, ("", b""))
    if tag != file.tag:
        compressed = gzip.compress(file.content, mtime=0)
        _compressed[path] = file.tag, compressed
    return compressed

"""A session as one HTML page that needs no server and no network.

It is the page of the console with everything in it: its styles, its modules as one script, and
the session. Its policy names the style and the script by their hashes, and allows nothing else.
"""

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from importlib.resources import files

from cartwheel.console.sessions.bundle import bundle
from cartwheel.console.sessions.embedding import Embedding, embed
from cartwheel.console.sessions.recorded_session import RecordedSession

MAX_SIZE = 2 * 1000**2
"""Bytes of a page."""
STATIC = files("cartwheel.console") / "static"
REPLACED_MODULES = {"session.js": "embedded_session.js"}
DATA = "\0"
"""Stands where the session will be."""

_STYLE = re.compile(r'\s*<link rel="stylesheet" href="/static/([^"]+)">')
_ICON = re.compile(r'href="/static/([^"]+\.svg)"')
_SCRIPT = re.compile(r'\s*<script type="module" src="/static/[^"]+"></script>')
_TITLE = re.compile(r"<title>[^<]*</title>")


@dataclass(frozen=True)
class ExportedPage:
    """The text of the page and what is in it."""

    text: str
    embedding: Embedding


def session_page(
    recorded: RecordedSession, *, title: str, max_size: int = MAX_SIZE
) -> ExportedPage:
    """The page of a recording; a long one is thinned to fit into ``max_size`` bytes."""
    before, after = _page(title).split(DATA)
    room = max_size - len(before.encode()) - len(after.encode())
    # In base64, three bytes are four.
    embedding = embed(recorded, title=title, max_size=room // 4 * 3)
    data = base64.b64encode(embedding.compressed).decode()
    return ExportedPage(f"{before}{data}{after}", embedding)


def _page(title: str) -> str:
    """All but the session, whose place is marked."""
    page = _read("index.html")
    style = "".join(_read(found[1]) for found in _STYLE.finditer(page))
    script = bundle("main.js", lambda path: _read(f"js/{path}"), instead=REPLACED_MODULES)
    page = _SCRIPT.sub("", _STYLE.sub("", page))
    page = _ICON.sub(lambda found: f'href="{_data_url(_read(found[1]))}"', page)
    page = _TITLE.sub(lambda _: f"<title>{html.escape(title)} · Cartwheel</title>", page)
    page = page.replace("</head>", f"  {_policy(style, script)}\n<style>{style}</style>\n</head>")
    scripts = (
        f'<script type="application/gzip" id="embedded-session">{DATA}</script>\n'
        f"<script>{script}</script>\n"
    )
    return page.replace("</body>", f"{scripts}</body>")


def _policy(style: str, script: str) -> str:
    """A page in a file has no headers."""
    directives = [
        "default-src 'none'",
        f"script-src '{_hash(script)}'",
        f"style-src '{_hash(style)}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    content = "; ".join(directives)
    return f'<meta http-equiv="Content-Security-Policy" content="{content}">'


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data_url(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _read(path: str) -> str:
    return STATIC.joinpath(*path.split("/")).read_text()

"""What every service says about its API: the OpenAPI document, and the same for people.

The page is our own: the usual one loads its script from somebody else's server,
and this shop makes no third-party request.
"""

from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.responses import Response

_SECURITY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
code { font: 600 .95rem ui-monospace, monospace }
article { border-top: 1px solid #8886; padding: .75rem 0 }
h2 { font-size: 1rem; margin: 0 } p { margin: .25rem 0 }
.method { display: inline-block; min-width: 4.5rem; text-transform: uppercase }
.statuses { opacity: .8; font-size: .9rem }
"""


def documentation_router(app: FastAPI) -> APIRouter:
    """Routes that are not part of the service's API."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    @router.get("/docs")
    async def docs() -> Response:
        return HTMLResponse(_page(app.openapi()), headers=_SECURITY)

    return router


def _page(schema: dict[str, Any]) -> str:
    info = schema["info"]
    operations = "".join(
        _operation(path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    )
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))}</p>"
        "<p>The whole description, for programs: <a href=openapi.json>openapi.json</a></p>"
        f"{operations}</main></body></html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    statuses = " · ".join(
        f"{escape(status)} {escape(response['description'])}"
        for status, response in operation["responses"].items()
    )
    return (
        f"<article id='{escape(operation['operationId'])}'>"
        f"<h2><code><span class=method>{escape(method)}</span>{escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description') or operation['summary'])}</p>"
        f"<p class=statuses>{statuses}</p></article>"
    )

"""The documentation of a service's API: its OpenAPI document, and a page rendered from it.

FastAPI's page loads scripts from another server. This shop makes no third-party requests, so the
page is rendered here, without any script.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.responses import Response

from app.errors import MEDIA_TYPE as PROBLEM_JSON

_SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
  --ground: light-dark(#fbf8f3, #16171a); --ink: light-dark(#1c1d21, #ecebe7);
  --quiet: light-dark(#5b5c63, #a9a8a3); --line: light-dark(#d9d3c7, #3a3b40);
  --raised: light-dark(#fff, #1f2024); --link: light-dark(#0b5394, #8ab8f5) }
body { background: var(--ground); color: var(--ink); max-width: 54rem; margin: 0 auto;
  padding: 1.5rem 1rem 4rem; overflow-wrap: break-word }
a { color: var(--link) } :focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
code { font: 600 .9rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; text-transform: capitalize }
h3 { font-size: 1rem; margin: 0 } h4 { font-size: .9rem; margin: 1rem 0 .25rem }
p { margin: .35rem 0 } ul { list-style: none; margin: 0; padding: 0 }
article { background: var(--raised); border: 1px solid var(--line); border-radius: .5rem;
  margin: .75rem 0; padding: .9rem 1rem }
li { border-top: 1px solid var(--line); padding: .35rem 0 } li:first-child { border: 0 }
nav li { border: 0; padding: .1rem 0 }
.method { display: inline-block; min-width: 4.2rem }
.quiet, .type { color: var(--quiet) } .type { margin-left: .35rem }
@media (max-width: 30rem) { .method { display: block } nav .method { display: inline-block } }
"""
_CODE = re.compile(r"``?([^`]+)``?")
_METHODS = ("get", "post", "put", "patch", "delete")

Schema = Mapping[str, Any]


def documentation_router(app: FastAPI) -> APIRouter:
    """`/openapi.json` and `/docs`, which are not part of the API themselves."""
    router = APIRouter(include_in_schema=False)

    @cache
    def page() -> str:
        return _render_page(app.openapi())

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    @router.get("/docs")
    async def docs() -> Response:
        return HTMLResponse(page(), headers=_SECURITY_HEADERS)

    return router


def _render_page(document: Schema) -> str:
    info = document["info"]
    operations = [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    tags = dict.fromkeys(_tag(operation) for _, _, operation in operations)
    title = escape(info["title"])
    navigation = "".join(_navigation_item(*one) for one in operations)
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<header><h1>{title}</h1>{_paragraphs(info.get('description', ''))}"
        f"<p class=quiet>Version {escape(info['version'])}. The same as OpenAPI: "
        "<a href=openapi.json>openapi.json</a></p></header>"
        f"<nav aria-label=Operations><ul>{navigation}</ul></nav>"
        "<main>"
        + "".join(
            f"<section><h2>{escape(tag)}</h2>"
            + "".join(
                _operation_article(document, *one) for one in operations if _tag(one[2]) == tag
            )
            + "</section>"
            for tag in tags
        )
        + f"<section><h2>Schemas</h2>{_schema_articles(document)}</section></main></body></html>"
    )


def _tag(operation: Schema) -> str:
    return str(operation.get("tags", ["operations"])[0])


def _navigation_item(path: str, method: str, operation: Schema) -> str:
    return f"<li><a href='#{_anchor(operation)}'>{_signature(path, method)}</a></li>"


def _signature(path: str, method: str) -> str:
    return f"<code><span class=method>{method.upper()}</span>{escape(path)}</code>"


def _operation_article(document: Schema, path: str, method: str, operation: Schema) -> str:
    return (
        f"<article id='{_anchor(operation)}'><h3>{_signature(path, method)}</h3>"
        f"{_paragraphs(operation.get('description') or operation['summary'])}"
        f"{_credentials(document, operation)}{_parameter_list(operation)}"
        f"{_request_body(operation)}{_response_list(operation)}</article>"
    )


def _anchor(operation: Schema) -> str:
    return escape(operation["operationId"])


def _credentials(document: Schema, operation: Schema) -> str:
    known = document.get("components", {}).get("securitySchemes", {})
    needed = [_credential(known[name]) for one in operation.get("security", []) for name in one]
    return f"<p class=quiet>Needs {' and '.join(needed)}.</p>" if needed else ""


def _credential(scheme: Schema) -> str:
    if scheme["type"] == "http":
        return "an access token (<code>Authorization: Bearer …</code>)"
    return f"a service's token (<code>{escape(scheme['name'])}</code>)"


def _parameter_list(operation: Schema) -> str:
    return _titled_list(
        "Parameters",
        (
            _member_item(
                one["name"],
                _without_null(one["schema"]),
                required=one.get("required", False),
                place=one["in"],
                description=one.get("description"),
            )
            for one in operation.get("parameters", [])
        ),
    )


def _without_null(schema: Schema) -> Schema:
    """A parameter can be left out, but cannot be null."""
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return {**schema, "anyOf": kinds} if kinds else schema


def _request_body(operation: Schema) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    return _titled_list("Body", (f"<li>{_content(kind, content[kind])}</li>" for kind in content))


def _response_list(operation: Schema) -> str:
    rows, problems = [], []
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        description = response["description"]
        if description == "Successful Response":  # FastAPI's default
            description = HTTPStatus(int(status)).phrase
        shown = f"<code>{escape(status)}</code> {_inline(description)}"
        if PROBLEM_JSON in content:
            problems.append(shown)
            continue
        bodies = " · ".join(_content(kind, content[kind]) for kind in content)
        headers = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("headers", {}))
        extra = f"<br><span class=quiet>Headers: {headers}</span>" if headers else ""
        rows.append(f"<li>{shown}{' — ' + bodies if bodies else ''}{extra}</li>")
    if problems:
        link = "<a href='#schema-Problem'>Problem</a>"
        rows.append(f"<li class=quiet>{link}: {' · '.join(problems)}</li>")
    return _titled_list("Responses", rows)


def _content(kind: str, media: Schema) -> str:
    shown = _type_text(media.get("schema") or media.get("itemSchema", {}))
    return f"{shown} <span class=quiet>{escape(kind)}</span>"


def _schema_articles(document: Schema) -> str:
    schemas = document.get("components", {}).get("schemas", {})
    return "".join(_schema_article(name, schemas[name]) for name in sorted(schemas))


def _schema_article(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    members = (
        _member_item(
            member, value, required=member in required, description=value.get("description")
        )
        for member, value in schema.get("properties", {}).items()
    )
    shown = "" if "properties" in schema else f"<p>{_type_text(schema)}</p>"
    return (
        f"<article id='schema-{escape(name)}'><h3><code>{escape(name)}</code></h3>"
        f"{_paragraphs(schema.get('description', ''))}{shown}"
        f"{_titled_list('Members', members)}</article>"
    )


def _member_item(
    name: str, schema: Schema, *, required: bool, description: str | None, place: str = ""
) -> str:
    default = schema.get("default")
    notes = [
        place,
        "required" if required else "optional",
        "" if default is None else f"default {json.dumps(default)}",
    ]
    return (
        f"<li><code>{escape(name)}</code><span class=type>{_type_text(schema)}</span> "
        f"<span class=quiet>· {escape(', '.join(note for note in notes if note))}</span>"
        f"{_paragraphs(description or '')}</li>"
    )


def _titled_list(title: str, rows: Iterable[str]) -> str:
    found = "".join(rows)
    return f"<h4>{title}</h4><ul>{found}</ul>" if found else ""


def _type_text(schema: Schema) -> str:
    """The type of a value, in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#schema-{name}'>{name}</a>"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(_type_text(one) for one in schema[several])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return "one of " + ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type_text(schema.get('items', {}))}{_limits(schema)}"
    name = schema.get("format") or schema.get("type", "anything")
    return f"{escape(name)}{_limits(schema)}"


def _limits(schema: Schema) -> str:
    limits = [
        _range(schema.get("minimum"), schema.get("maximum"), ""),
        _range(schema.get("minLength"), schema.get("maxLength"), " characters"),
        _range(schema.get("minItems"), schema.get("maxItems"), " items"),
    ]
    pattern = f", <code>{escape(schema['pattern'])}</code>" if "pattern" in schema else ""
    return "".join(f", {limit}" for limit in limits if limit) + pattern


def _range(minimum: int | None, maximum: int | None, unit: str) -> str:
    if minimum is None and maximum is None:
        return ""
    if maximum is None:
        return f"at least {minimum:,}{unit}"
    if minimum is None:
        return f"at most {maximum:,}{unit}"
    return f"{minimum:,}–{maximum:,}{unit}"


def _paragraphs(description: str) -> str:
    paragraphs = description.strip().split("\n\n")
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def _inline(text: str) -> str:
    """Escaped text with its code spans."""
    return _CODE.sub(r"<code>\1</code>", escape(text))

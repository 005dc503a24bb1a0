"""What every service says about its API: the OpenAPI document, and the same for people.

The page is our own: the usual one loads its script from somebody else's server, and this shop
makes no third-party request. It needs no script at all.
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

from app.errors import MEDIA_TYPE as PROBLEM

_SECURITY = {
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
    """Routes that are not part of the service's API."""
    router = APIRouter(include_in_schema=False)

    @cache
    def page() -> str:
        return _page(app.openapi())

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    @router.get("/docs")
    async def docs() -> Response:
        return HTMLResponse(page(), headers=_SECURITY)

    return router


def _page(document: Schema) -> str:
    info = document["info"]
    operations = [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    tags = dict.fromkeys(_tag(operation) for _, _, operation in operations)
    title = escape(info["title"])
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f"<header><h1>{title}</h1>{_text(info.get('description', ''))}"
        f"<p class=quiet>Version {escape(info['version'])}. The same for programs: "
        "<a href=openapi.json>openapi.json</a></p></header>"
        f"<nav aria-label=Operations><ul>{''.join(_entry(*one) for one in operations)}</ul></nav>"
        "<main>"
        + "".join(
            f"<section><h2>{escape(tag)}</h2>"
            + "".join(_operation(document, *one) for one in operations if _tag(one[2]) == tag)
            + "</section>"
            for tag in tags
        )
        + f"<section><h2>Schemas</h2>{_schemas(document)}</section></main></body></html>"
    )


def _tag(operation: Schema) -> str:
    return str(operation.get("tags", ["operations"])[0])


def _entry(path: str, method: str, operation: Schema) -> str:
    return f"<li><a href='#{_id(operation)}'>{_signature(path, method)}</a></li>"


def _signature(path: str, method: str) -> str:
    return f"<code><span class=method>{method.upper()}</span>{escape(path)}</code>"


def _operation(document: Schema, path: str, method: str, operation: Schema) -> str:
    return (
        f"<article id='{_id(operation)}'><h3>{_signature(path, method)}</h3>"
        f"{_text(operation.get('description') or operation['summary'])}"
        f"{_credentials(document, operation)}{_parameters(operation)}"
        f"{_request(operation)}{_responses(operation)}</article>"
    )


def _id(operation: Schema) -> str:
    return escape(operation["operationId"])


def _credentials(document: Schema, operation: Schema) -> str:
    known = document.get("components", {}).get("securitySchemes", {})
    needed = [_credential(known[name]) for one in operation.get("security", []) for name in one]
    return f"<p class=quiet>Needs {' and '.join(needed)}.</p>" if needed else ""


def _credential(scheme: Schema) -> str:
    if scheme["type"] == "http":
        return "an access token (<code>Authorization: Bearer …</code>)"
    return f"a service's token (<code>{escape(scheme['name'])}</code>)"


def _parameters(operation: Schema) -> str:
    return _list(
        "Parameters",
        (
            _member(
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
    """What is not in a JSON body can be left out, and cannot be null."""
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return {**schema, "anyOf": kinds} if kinds else schema


def _request(operation: Schema) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    return _list("Body", (f"<li>{_media(kind, content[kind])}</li>" for kind in content))


def _responses(operation: Schema) -> str:
    rows, problems = [], []
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        words = response["description"]
        if words == "Successful Response":  # says no more than the number
            words = HTTPStatus(int(status)).phrase
        shown = f"<code>{escape(status)}</code> {_inline(words)}"
        if PROBLEM in content:
            problems.append(shown)
            continue
        bodies = " · ".join(_media(kind, content[kind]) for kind in content)
        headers = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("headers", {}))
        extra = f"<br><span class=quiet>Headers: {headers}</span>" if headers else ""
        rows.append(f"<li>{shown}{' — ' + bodies if bodies else ''}{extra}</li>")
    if problems:
        link = "<a href='#schema-Problem'>Problem</a>"
        rows.append(f"<li class=quiet>{link}: {' · '.join(problems)}</li>")
    return _list("Answers", rows)


def _media(kind: str, media: Schema) -> str:
    shown = _type(media.get("schema") or media.get("itemSchema", {}))
    return f"{shown} <span class=quiet>{escape(kind)}</span>"


def _schemas(document: Schema) -> str:
    schemas = document.get("components", {}).get("schemas", {})
    return "".join(_schema(name, schemas[name]) for name in sorted(schemas))


def _schema(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    members = (
        _member(member, its, required=member in required, description=its.get("description"))
        for member, its in schema.get("properties", {}).items()
    )
    shown = "" if "properties" in schema else f"<p>{_type(schema)}</p>"
    return (
        f"<article id='schema-{escape(name)}'><h3><code>{escape(name)}</code></h3>"
        f"{_text(schema.get('description', ''))}{shown}{_list('Members', members)}</article>"
    )


def _member(
    name: str, schema: Schema, *, required: bool, description: str | None, place: str = ""
) -> str:
    default = schema.get("default")
    notes = [
        place,
        "required" if required else "optional",
        "" if default is None else f"default {json.dumps(default)}",
    ]
    return (
        f"<li><code>{escape(name)}</code><span class=type>{_type(schema)}</span> "
        f"<span class=quiet>· {escape(', '.join(note for note in notes if note))}</span>"
        f"{_text(description or '')}</li>"
    )


def _list(title: str, rows: Iterable[str]) -> str:
    found = "".join(rows)
    return f"<h4>{title}</h4><ul>{found}</ul>" if found else ""


def _type(schema: Schema) -> str:
    """What a value may be, in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#schema-{name}'>{name}</a>"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(_type(one) for one in schema[several])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return "one of " + ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}{_limits(schema)}"
    words = schema.get("format") or schema.get("type", "anything")
    return f"{escape(words)}{_limits(schema)}"


def _limits(schema: Schema) -> str:
    limits = [
        _range(schema.get("minimum"), schema.get("maximum"), ""),
        _range(schema.get("minLength"), schema.get("maxLength"), " characters"),
        _range(schema.get("minItems"), schema.get("maxItems"), " items"),
    ]
    pattern = f", <code>{escape(schema['pattern'])}</code>" if "pattern" in schema else ""
    return "".join(f", {limit}" for limit in limits if limit) + pattern


def _range(least: int | None, most: int | None, unit: str) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f"at least {least:,}{unit}"
    if least is None:
        return f"at most {most:,}{unit}"
    return f"{least:,}–{most:,}{unit}"


def _text(description: str) -> str:
    paragraphs = description.strip().split("\n\n")
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def _inline(words: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(words))

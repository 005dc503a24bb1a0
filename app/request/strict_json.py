"""Strict JSON: one document that every parser reads in the same way.

Python's JSON module accepts what other parsers reject later or read differently. Such bodies are
refused here: duplicate members, NaN, 1e400, 5,000-digit numbers, deep nesting, a byte order mark,
lone surrogates, NUL.
"""

import json
import math
from typing import Any, NoReturn

from app.errors import BadRequest

_MAX_DEPTH = 32
_MAX_DIGITS = 25


def read_json(body: bytes) -> Any:
    """The document. Raises BadRequest unless `body` is one strict JSON document."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The body is not valid UTF-8.") from None
    try:
        document = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.") from None
    if text.count("[") + text.count("{") > _MAX_DEPTH and _depth(document, _MAX_DEPTH) < 0:
        raise BadRequest("The body is nested too deeply.")
    if "\\u" in text:
        _refuse_unstorable(document)
    return document


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise BadRequest("The body has two members of the same name.")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise BadRequest("The body has a number that is too long.")
    return int(digits)


def _decimal(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadRequest("The body has a number that is too large.")
    return number


def _constant(name: str) -> NoReturn:
    raise BadRequest("The body is not valid JSON.")


# Built once: json.loads would build one for every body.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
)


def _depth(value: object, left: int) -> int:
    """How many more levels are allowed below the deepest one; negative if there are too many."""
    if left < 0 or not isinstance(value, dict | list):
        return left
    items = value.values() if isinstance(value, dict) else value
    return min((_depth(item, left - 1) for item in items), default=left)


def _refuse_unstorable(document: object) -> None:
    # Only an escape can bring these in: raw ones are not valid JSON or not valid UTF-8.
    text = json.dumps(document, ensure_ascii=False)
    if "\\u0000" in text:
        raise BadRequest("The body has a text with a NUL character.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequest("The body has a text that is not valid Unicode.") from None

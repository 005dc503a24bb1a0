"""Texts by name as the value of one cookie."""

import base64
from collections.abc import Collection, Mapping

from pydantic import TypeAdapter

from services.storefront.web.cookies import MAX_COOKIE_LENGTH

_TEXTS = TypeAdapter(dict[str, str])


def pack_texts(texts: Mapping[str, str]) -> str | None:
    """The value; None if the texts are too long for one cookie."""
    packed = base64.urlsafe_b64encode(_TEXTS.dump_json(dict(texts))).decode().rstrip("=")
    return packed if len(packed) <= MAX_COOKIE_LENGTH else None


def unpack_texts(value: str | None, names: Collection[str]) -> dict[str, str]:
    """The texts of these names; nothing for a value that `pack_texts` did not make."""
    try:
        packed = value or ""
        padding = "=" * (-len(packed) % 4)
        texts = _TEXTS.validate_json(base64.urlsafe_b64decode(packed + padding))
    except ValueError:  # of base64 or of pydantic: browsers may send anything
        return {}
    return {name: texts[name] for name in names if name in texts}

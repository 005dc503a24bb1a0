"""E-mail addresses: which are valid, and the one spelling in which an address is kept."""

import unicodedata
from typing import Annotated, Any

import idna
from pydantic import BeforeValidator, Field, StringConstraints

from app.text import normalized

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# ASCII only, as the address is stored: so no two addresses look the same. Each part of the pattern
# ends where the next one begins, so matching takes linear time.
_PATTERN = rf"^{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?$"
_MAX_LENGTH = 254
_CONFUSABLE_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def _mixes_scripts(label: str) -> bool:
    """Whether the label has letters of several scripts that can be confused."""
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in label}
    return len(scripts & _CONFUSABLE_SCRIPTS) > 1


def _with_ascii_domain(value: Any) -> Any:
    """The address with its domain as DNS knows it: ``müller.example`` is ``xn--mller-kva.example``.

    Raises ValueError for an impossible domain.
    """
    if not isinstance(value, str) or value.isascii() or len(value) > _MAX_LENGTH:
        return value
    mailbox, _, domain = normalized(value).rpartition("@")
    if any(_mixes_scripts(label) for label in domain.split(".")):
        raise ValueError("must have a domain whose words are each in one alphabet")
    try:
        return f"{mailbox}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        raise ValueError("must have a domain that can exist") from None


Email = Annotated[
    str,
    BeforeValidator(_with_ascii_domain),
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        min_length=3,
        max_length=_MAX_LENGTH,
        pattern=_PATTERN,
    ),
    Field(
        description="The domain may be written with any letters; it is kept in its ASCII form.",
        examples=["ann@example.com"],
    ),
]
"""In lower case. Strictly, the part before the @ is case-sensitive; in practice no mail host tells
``Ann@`` from ``ann@``, and neither do people who log in."""

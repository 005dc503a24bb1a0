"""What callers send and get, and what is kept about them."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import idna
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from app.models import RequestModel, ResponseModel, Text
from app.stores.clock import moment
from app.text import normalized
from services.user.passwords import LONGEST, SHORTEST, acceptable_password, canonical_password

Role = Literal["guest", "user", "staff"]

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# ASCII only, as the address is kept: two that look the same are the same. Each part of the
# pattern ends where the next one begins, so matching takes linear time.
_EMAIL = rf"^{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?$"
_MAX_EMAIL = 254


_LOOK_ALIKE_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def _mixes_alphabets(label: str) -> bool:
    """Whether letters of several alphabets that look alike make one word: a disguise, no name."""
    alphabets = {unicodedata.name(letter, "").partition(" ")[0] for letter in label}
    return len(alphabets & _LOOK_ALIKE_ALPHABETS) > 1


def _with_ascii_domain(value: Any) -> Any:
    """The address with its domain as DNS knows it: ``müller.example`` is ``xn--mller-kva.example``.

    Raises ValueError for a domain that cannot be one.
    """
    if not isinstance(value, str) or value.isascii() or len(value) > _MAX_EMAIL:
        return value
    mailbox, _, domain = normalized(value).rpartition("@")
    if any(_mixes_alphabets(label) for label in domain.split(".")):
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
        max_length=_MAX_EMAIL,
        pattern=_EMAIL,
    ),
    Field(
        description="The domain may be written with any letters; it is kept in its ASCII form.",
        examples=["ann@example.com"],
    ),
]
"""In lower case throughout. Strictly the part before the @ is for its host to interpret; no
host of today tells ``Ann@`` from ``ann@``, and people who log in do not either."""

Name = Annotated[str, Text(1, 80)]

NewPassword = Annotated[
    str,
    Field(min_length=SHORTEST, max_length=LONGEST),
    AfterValidator(acceptable_password),
]
GivenPassword = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST),
    AfterValidator(canonical_password),
]


def _unlike_email(password: str | None, info: ValidationInfo) -> str | None:
    email = info.data.get("email")
    if password is not None and email is not None and password.lower() == email:
        raise ValueError("must not be the e-mail address")
    return password


class Registration(RequestModel):
    """A new account."""

    email: Email
    password: NewPassword = Field(repr=False)
    name: Name

    _check_password = field_validator("password")(_unlike_email)


class AccountChange(RequestModel):
    """What is to change. A new e-mail or password needs the password there is."""

    email: Email | None = None
    password: NewPassword | None = Field(default=None, repr=False)
    name: Name | None = None
    current_password: GivenPassword | None = Field(default=None, repr=False)

    _check_password = field_validator("password")(_unlike_email)


class Credentials(RequestModel):
    """Who wants to log in."""

    email: Email
    password: GivenPassword = Field(repr=False)


class RefreshRequest(RequestModel):
    """The refresh token of the last answer."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class AccountAnswer(ResponseModel):
    """An account as its owner sees it."""

    id: str
    email: str
    name: str
    created_at: datetime

    @classmethod
    def of(cls, account: "Account") -> "AccountAnswer":
        return cls(
            id=account.id,
            email=account.email,
            name=account.name,
            created_at=moment(account.created_at),
        )


class DeletionAnswer(ResponseModel):
    """An account that is no more."""

    subject: str
    deleted_at: datetime

    @classmethod
    def of(cls, deletion: "Deletion") -> "DeletionAnswer":
        return cls(
            subject=deletion.subject,
            deleted_at=moment(deletion.deleted_at),
        )


class DeletionsAnswer(ResponseModel):
    """A part of a list that grows for ever. ``next_cursor`` is where to go on, now or later."""

    items: list[DeletionAnswer]
    next_cursor: str | None


class TokensAnswer(ResponseModel):
    """A session. ``expires_in`` is the access token's life in seconds."""

    access_token: Annotated[str, Field(repr=False)]
    refresh_token: Annotated[str, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class KeySetAnswer(ResponseModel):
    """A JWK set (RFC 7517): the keys whose signatures count."""

    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Account:
    """Times are in milliseconds since the epoch."""

    id: str
    email: str
    name: str
    password_hash: str
    staff: bool
    created_at: int

    @property
    def roles(self) -> list[Role]:
        return ["user", "staff"] if self.staff else ["user"]


@dataclass(frozen=True, slots=True)
class Deletion:
    """When an account was deleted, in milliseconds since the epoch."""

    subject: str
    deleted_at: int


@dataclass(frozen=True, slots=True)
class Session:
    """A row to be: somebody logged in, or a guest. Times in milliseconds since the epoch."""

    id: str
    subject: str
    token_hash: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """One exchange of a refresh token.

    ``replaced``: the token before last was shown again just now, by a caller who lost a race;
    ``reused``: it was shown again later, and the session is over.
    """

    outcome: Literal["rotated", "unknown", "replaced", "reused"]
    subject: str = ""
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row: ``private_key`` is a JWK in JSON, ``signs_from`` milliseconds since the epoch."""

    generation: int
    key_id: str
    private_key: str
    signs_from: int

    def __repr__(self) -> str:
        return f"StoredKey({self.generation}, {self.key_id!r})"

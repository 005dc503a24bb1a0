"""Accounts, sessions and keys: what is sent, received and stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from app.models import RequestModel, ResponseModel, Text
from app.stores.clock import moment
from services.user.email_address import Email
from services.user.passwords import (
    MAX_LENGTH,
    MIN_LENGTH,
    normalized_password,
    valid_new_password,
)

Role = Literal["guest", "user", "staff"]

Name = Annotated[str, Text(1, 80)]

NewPassword = Annotated[
    str,
    Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH),
    AfterValidator(valid_new_password),
]
ExistingPassword = Annotated[
    str,
    Field(min_length=1, max_length=MAX_LENGTH),
    AfterValidator(normalized_password),
]


def _check_not_email(password: str | None, info: ValidationInfo) -> str | None:
    email = info.data.get("email")
    if password is not None and email is not None and password.lower() == email:
        raise ValueError("must not be the e-mail address")
    return password


class Registration(RequestModel):
    """A new account."""

    email: Email
    password: NewPassword = Field(repr=False)
    name: Name

    _check_password = field_validator("password")(_check_not_email)


class AccountChange(RequestModel):
    """The fields to change. A new e-mail address or password needs the current password."""

    email: Email | None = None
    password: NewPassword | None = Field(default=None, repr=False)
    name: Name | None = None
    current_password: ExistingPassword | None = Field(default=None, repr=False)

    _check_password = field_validator("password")(_check_not_email)


class Credentials(RequestModel):
    """An e-mail address and a password to log in with."""

    email: Email
    password: ExistingPassword = Field(repr=False)


class RefreshRequest(RequestModel):
    """The refresh token of the latest response."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class AccountResponse(ResponseModel):
    """An account, for its owner."""

    id: str
    email: str
    name: str
    created_at: datetime

    @classmethod
    def of(cls, account: "Account") -> "AccountResponse":
        return cls(
            id=account.id,
            email=account.email,
            name=account.name,
            created_at=moment(account.created_at),
        )


class DeletionResponse(ResponseModel):
    """A deleted account."""

    subject: str
    deleted_at: datetime

    @classmethod
    def of(cls, deletion: "Deletion") -> "DeletionResponse":
        return cls(
            subject=deletion.subject,
            deleted_at=moment(deletion.deleted_at),
        )


class DeletionsResponse(ResponseModel):
    """A page of a list that keeps growing. Continue at ``next_cursor``, now or later."""

    items: list[DeletionResponse]
    next_cursor: str | None


class TokenResponse(ResponseModel):
    """The tokens of a session. ``expires_in`` is the access token's lifetime in seconds."""

    access_token: Annotated[str, Field(repr=False)]
    refresh_token: Annotated[str, Field(repr=False)]
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class JwksResponse(ResponseModel):
    """A JWK set (RFC 7517): the keys whose signatures are valid."""

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
    """A new session of a user or a guest. Times are in milliseconds since the epoch."""

    id: str
    subject: str
    token_hash: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """The outcome of exchanging a refresh token.

    ``replaced``: another request exchanged it a moment ago; ``reused``: it was exchanged earlier,
    so the session has ended.
    """

    outcome: Literal["rotated", "unknown", "replaced", "reused"]
    subject: str = ""
    roles: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A stored key: a JWK in JSON. ``signs_from`` is in milliseconds since the epoch."""

    generation: int
    key_id: str
    private_key: str
    signs_from: int

    def __repr__(self) -> str:
        return f"StoredKey({self.generation}, {self.key_id!r})"

"""Settings: read from the environment once, and checked before anything starts.

    class CartSettings(ServiceSettings, ServiceTokenSettings):
        store_url: Annotated[str, store_url("sqlite", "valkey", "redis")]
        products_url: UpstreamUrl

    settings = load(CartSettings)          # in main.create(), nowhere else

Every variable has the prefix `CARTWHEEL_`, because Kubernetes injects `CART_PORT=tcp://…` for a
Service named cart. A secret may be a file in the folder `CARTWHEEL_SECRETS_DIR`, named like its
variable; the environment takes precedence.
"""

import os
import socket
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "CARTWHEEL_"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"
HIDDEN = "**********"

Settings = TypeVar("Settings", bound=BaseSettings)
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
STORE_SCHEMES = ("sqlite", "postgresql", "valkey", "redis")


class SettingsError(Exception):
    """Settings that are missing or invalid; `problems` has one sentence for each variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def store_url(*schemes: str) -> AfterValidator:
    """Metadata for a store's URL of one of `schemes`: `Annotated[str, store_url("sqlite")]`."""
    examples = {
        "sqlite": "sqlite:///file (sqlite:////file from the root)",
        "postgresql": "postgresql://user:password@host:port/database",
        "valkey": "valkey://[[user]:password@]host[:port][/number]",
        "redis": "redis://[[user]:password@]host[:port][/number]",
    }
    allowed = ", ".join(examples[scheme] for scheme in schemes)

    def check(value: str) -> str:
        parts = urlsplit(value)
        location = parts.path.strip("/") if parts.scheme == "sqlite" else parts.hostname
        if parts.scheme not in schemes or not location or not _is_valid_server(value):
            raise ValueError(f"is not the URL of a store; allowed: {allowed}")
        return value

    return AfterValidator(check)


def _upstream_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc:
        return value
    if parts.scheme in ("http", "dns+http") and parts.hostname and _has_valid_port(value):
        return value.rstrip("/")
    raise ValueError(
        "is not the address of a service; "
        "allowed: http://host:port, dns+http://host:port, file:/path"
    )


def _is_valid_server(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme in ("valkey", "redis") and not _is_valid_valkey(parts):
        return False
    return _has_valid_port(url)


def _is_valid_valkey(parts: SplitResult) -> bool:
    if not (parts.path.strip("/") or "0").isdecimal():
        return False  # its databases are numbered
    lacks_password = "@" in parts.netloc and not parts.password
    return not (lacks_password or parts.query or parts.fragment)


def _has_valid_port(url: str) -> bool:
    # Postgres accepts several hosts, one of them the primary: postgresql://u@h1:5432,h2:5432/d
    user, at, hosts = urlsplit(url).netloc.rpartition("@")
    try:
        return all(urlsplit(f"//{user}{at}{host}").port != 0 for host in hosts.split(","))
    except ValueError:
        return False


def _split_tokens(value: object) -> object:
    if isinstance(value, str):
        return tuple(token.strip() for token in value.split(",") if token.strip())
    return value


StoreUrl = Annotated[str, store_url(*STORE_SCHEMES)]
UpstreamUrl = Annotated[str, AfterValidator(_upstream_url)]
ServiceTokens = Annotated[
    tuple[SecretStr, ...],
    NoDecode,
    BeforeValidator(_split_tokens),
    Field(min_length=1, max_length=2),
]


# Both classes below need it: of several bases, pydantic uses the last one's configuration.
CONFIG = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", validate_default=True)


class ServiceSettings(BaseSettings):
    """The settings of every service. Times are in seconds, sizes in bytes."""

    model_config = CONFIG

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    operations_port: int | None = Field(
        default=None, ge=1, le=65535, description="a port of their own for probes and metrics"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    instance: str = Field(
        default_factory=socket.gethostname, min_length=1, max_length=100, description="the replica"
    )
    version: str = Field(default="0.1.0+dev", min_length=1, max_length=100)

    request_timeout: Seconds = Field(default=5.0, description="deadline when a caller sends none")
    body_limit: int = Field(default=64 * 1024, ge=1024, le=16 * 1024 * 1024)
    body_timeout: Seconds = 10.0
    header_limit: int = Field(default=32 * 1024, ge=1024, le=1024 * 1024)
    url_limit: int = Field(default=8 * 1024, ge=256, le=64 * 1024)
    header_timeout: Seconds = 10.0
    keep_alive: Seconds = Field(default=75.0, description="longer than any client keeps idle ones")
    write_timeout: Seconds = Field(default=30.0, description="for a peer that stopped reading")
    connection_max_age: Seconds = 2.0

    max_in_flight: int = Field(
        default=256, ge=1, le=10_000, description="the most that the concurrency limit rises to"
    )
    min_in_flight: int = Field(
        default=8, ge=1, le=10_000, description="the least; not below max_in_flight: a fixed limit"
    )
    max_queued: int = Field(default=1024, ge=0, le=100_000)
    queue_timeout: Seconds = 2.0

    compile_routes: bool = Field(
        default=True, description="false has FastAPI serve all routes in its own way"
    )

    drain_wait: float = Field(default=0.3, ge=0, le=60)
    drain_grace: Seconds = 10.0


class ServiceTokenSettings(BaseSettings):
    """For services that call others, or are called, without an access token of a user.

    `CARTWHEEL_SERVICE_TOKENS` holds one or two tokens, comma separated. The first is sent, all are
    accepted, so a new token can be rolled out before the old one is removed.
    """

    model_config = CONFIG

    service_tokens: ServiceTokens


def load(settings_class: type[Settings], **overrides: Any) -> Settings:
    """Settings from the environment and secret files; `overrides` (by field name) take precedence.

    Raises SettingsError with all problems, not only the first one.
    """
    secrets_dir = os.environ.get(SECRETS_DIR) or None
    if secrets_dir is not None and not os.path.isdir(secrets_dir):
        raise SettingsError([f"{SECRETS_DIR}: is not a folder; allowed: a folder of secret files"])
    try:
        return settings_class(_secrets_dir=secrets_dir, **overrides)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise SettingsError([_problem(settings_class, detail) for detail in details]) from None


def describe(settings: BaseSettings) -> dict[str, str]:
    """The effective value of each variable for display, with secrets and passwords hidden."""
    return {
        variable(name): _displayed(getattr(settings, name)) for name in type(settings).model_fields
    }


def variable(field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def _displayed(value: object) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, tuple | list):
        return ",".join(_displayed(item) for item in value)
    text = str(value)
    return _without_password(text) if "://" in text else text


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user_and_host = f"{parts.username}:{HIDDEN}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=user_and_host))


def _problem(settings_class: type[BaseSettings], detail: ErrorDetails) -> str:
    if not detail["loc"]:
        return detail["msg"].removeprefix("Value error, ")
    name = str(detail["loc"][0])
    if detail["type"] == "missing":
        return f"{variable(name)}: is missing{_allowed(settings_class, name)}"
    if detail["type"] == "value_error":
        return f"{variable(name)}: {detail['msg'].removeprefix('Value error, ')}"
    return f"{variable(name)}: {_lower_first(detail['msg'])}{_allowed(settings_class, name)}"


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]


def _allowed(settings_class: type[BaseSettings], name: str) -> str:
    field = settings_class.model_fields.get(name)
    if field is None:
        return ""
    if get_origin(field.annotation) is Literal:
        return "; allowed: " + ", ".join(map(str, get_args(field.annotation)))
    limits = _limits(field.metadata)
    kind = _KINDS.get(field.annotation, "a value")
    return f"; allowed: {kind}{limits}"


_KINDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    SecretStr: "a secret text",
    tuple[SecretStr, ...]: "one or two texts, comma separated",
}


def _limits(metadata: list[Any]) -> str:
    phrases = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [
        f"{phrase} {getattr(item, name)}"
        for item in metadata
        for name, phrase in phrases.items()
        if getattr(item, name, None) is not None
    ]
    return f" ({', '.join(found)})" if found else ""

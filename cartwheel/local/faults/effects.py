"""The effects that a fault session has on the running shop, as data.

A process is named as in `cartwheel status` (`cart-7xk2b`, `valkey`); `cart-*` stands for the first
running replica of the cart on which no effect changes the same. Each effect has a ``target``, a
``sentence``, and what it ``changes`` there: two effects may not change the same, as the end of one
would take away the other, or keep it. None if effects of its kind are independent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from cartwheel.errors import UsageError
from cartwheel.tcp_proxy import Toxic, parse_toxics

Name = Annotated[str, Field(min_length=1, max_length=100)]
Resource = Literal["open_files", "file_size", "memory"]
Held = Literal["lock", "connections"]
_STRICT = ConfigDict(strict=True, extra="forbid")


@with_config(_STRICT)
@dataclass(frozen=True)
class Stop:
    """The process does not run (SIGSTOP) until this is undone."""

    process: Name
    effect: Literal["stop"] = field(default="stop", kw_only=True)

    @property
    def target(self) -> str:
        return self.process

    @property
    def sentence(self) -> str:
        return "stopped (SIGSTOP)"

    @property
    def changes(self) -> str:
        return "whether it runs"


@with_config(_STRICT)
@dataclass(frozen=True)
class Kill:
    """The process is killed. The supervisor starts it again: nothing is left to undo."""

    process: Name
    effect: Literal["kill"] = field(default="kill", kw_only=True)

    @property
    def target(self) -> str:
        return self.process

    @property
    def sentence(self) -> str:
        return "killed (SIGKILL)"

    @property
    def changes(self) -> None:
        return None


@with_config(_STRICT)
@dataclass(frozen=True)
class Throttle:
    """The process runs only this share of the time."""

    process: Name
    share: Annotated[float, Field(ge=0.01, le=0.99)]
    effect: Literal["throttle"] = field(default="throttle", kw_only=True)

    @property
    def target(self) -> str:
        return self.process

    @property
    def sentence(self) -> str:
        return f"throttled to {self.share:.0%} of a CPU"

    @property
    def changes(self) -> str:
        return "whether it runs"


@with_config(_STRICT)
@dataclass(frozen=True)
class Limit:
    """The process may have so many open files, or files of so many bytes (both on Linux only).

    ``memory`` is in bytes; a process that uses more is killed, as in a container.
    """

    process: Name
    resource: Resource
    value: Annotated[int, Field(ge=0)]
    effect: Literal["limit"] = field(default="limit", kw_only=True)

    @property
    def target(self) -> str:
        return self.process

    @property
    def sentence(self) -> str:
        return f"limited to {self.resource.replace('_', ' ')} of {self.value:,}"

    @property
    def changes(self) -> str:
        return self.resource


@with_config(_STRICT)
@dataclass(frozen=True)
class Toxics:
    """Connections of an edge (`storefront->cart`), or of a service to its store, are damaged.

    ``toxics`` are those of `cartwheel.tcp_proxy`. The store of a service can be reached only with
    `cartwheel up --chaos --stores real`.
    """

    edge: Name | None = None
    store: Name | None = None
    toxics: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] = ()
    effect: Literal["toxics"] = field(default="toxics", kw_only=True)

    def __post_init__(self) -> None:
        if (self.edge is None) == (self.store is None):
            raise ValueError("toxics are on one edge or before one store")
        self.parsed()

    def parsed(self) -> Sequence[Toxic]:
        """Raises `InvalidToxic`."""
        return parse_toxics([*self.toxics])

    @property
    def target(self) -> str:
        return self.edge or f"store of {self.store}"

    @property
    def sentence(self) -> str:
        return ", ".join(map(_describe_toxic, self.toxics))

    @property
    def changes(self) -> None:
        return None


def _describe_toxic(toxic: Mapping[str, Any]) -> str:
    """As in `latency (latency_ms 500)`."""
    details = ", ".join(f"{name} {value}" for name, value in toxic.items() if name != "type")
    return f"{toxic['type']} ({details})" if details else str(toxic["type"])


@with_config(_STRICT)
@dataclass(frozen=True)
class BlockEventLoop:
    """The event loop of a service's replica is blocked. Needs `cartwheel up --chaos`."""

    process: Name
    seconds: Annotated[float, Field(gt=0.0, le=600.0)]
    effect: Literal["block_event_loop"] = field(default="block_event_loop", kw_only=True)

    @property
    def target(self) -> str:
        return self.process

    @property
    def sentence(self) -> str:
        return f"event loop blocked for {self.seconds:g} s"

    @property
    def changes(self) -> str:
        return "its event loop"


@with_config(_STRICT)
@dataclass(frozen=True)
class ShiftClock:
    """A replica of the service is replaced by one whose clock is ahead, or behind if negative.

    Needs faketime on Linux.
    """

    service: Name
    seconds: Annotated[float, Field(ge=-1e9, le=1e9)]
    effect: Literal["shift_clock"] = field(default="shift_clock", kw_only=True)

    def __post_init__(self) -> None:
        if not self.seconds:
            raise ValueError("a clock is shifted by some seconds, not by 0")

    @property
    def target(self) -> str:
        return self.service

    @property
    def sentence(self) -> str:
        return f"clock {abs(self.seconds):g} s {'ahead' if self.seconds > 0 else 'behind'}"

    @property
    def changes(self) -> None:
        return None


@with_config(_STRICT)
@dataclass(frozen=True)
class StoreSetting:
    """Valkey or Postgres has another value for a setting (`CONFIG SET`, `ALTER SYSTEM`)."""

    store: Literal["valkey", "postgres"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,60}$")]
    value: Annotated[str, Field(pattern=r"^[\w .:,/+-]{0,100}$")] | int
    effect: Literal["store_setting"] = field(default="store_setting", kw_only=True)

    @property
    def target(self) -> str:
        return self.store

    @property
    def sentence(self) -> str:
        return f"{self.name} set to {self.value}"

    @property
    def changes(self) -> str:
        return self.name


@with_config(_STRICT)
@dataclass(frozen=True)
class HoldStore:
    """Somebody else holds the store of a service.

    ``lock`` is the write lock of a SQLite file, or all tables of a Postgres database;
    ``connections`` are those of Postgres that are free.
    """

    service: Name
    what: Held = "lock"
    effect: Literal["hold_store"] = field(default="hold_store", kw_only=True)

    @property
    def target(self) -> str:
        return f"store of {self.service}"

    @property
    def sentence(self) -> str:
        return f"{self.what} held"

    @property
    def changes(self) -> str:
        return self.what


Effect = (
    Stop | Kill | Throttle | Limit | Toxics | BlockEventLoop | ShiftClock | StoreSetting | HoldStore
)
_EFFECTS: TypeAdapter[Effect] = TypeAdapter(Annotated[Effect, Field(discriminator="effect")])


def read_effect(value: Mapping[str, Any]) -> Effect:
    """The effect that is described, strictly: ``{"effect": "stop", …}``. Raises `UsageError`."""
    try:
        # As JSON, because a list is a tuple there.
        return _EFFECTS.validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] in ("union_tag_not_found", "union_tag_invalid"):
            raise UsageError(_unknown_effect(value)) from None
        place = ".".join(str(part) for part in first["loc"][1:])
        kind = value.get("effect", "effect")
        raise UsageError(f"{kind}{' ' * bool(place)}{place}: {first['msg']}") from None


def _unknown_effect(value: Mapping[str, Any]) -> str:
    kinds = ", ".join(sorted(kind.effect for kind in get_args(Effect)))
    if "effect" not in value:
        return f"The effect is missing: it is one of {kinds}."
    return f"There is no effect {value['effect']!r:.100}: it is one of {kinds}."


def effect_as_json(effect: Effect) -> dict[str, Any]:
    """What `read_effect` reads."""
    described: dict[str, Any] = _EFFECTS.dump_python(effect, mode="json")
    return described

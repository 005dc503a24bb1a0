"""Toxics as values: what is wrong with a connection, in which direction, and how they are written.

{"type": "latency", "latency_ms": 500, "jitter_ms": 50, "stream": "upstream"}
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

MAX_MS = 600_000
MAX_BYTES = 2**40
MAX_PIECE = 2**20

Direction = Literal["upstream", "downstream"]
"""Upstream: from the client to the server. Downstream: from the server to the client."""


class InvalidToxic(ValueError):
    """The message is one sentence that names the field."""


@dataclass(frozen=True)
class Range:
    """The values that a number may have, both ends included."""

    minimum: float
    maximum: float


Milliseconds = Annotated[float, Range(0, MAX_MS)]


@dataclass(frozen=True, kw_only=True)
class Toxic:
    """Something wrong with a connection."""

    type: ClassVar[str]

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            _check(field.name, hints[field.name], getattr(self, field.name))

    def as_json(self) -> dict[str, Any]:
        """As `parse_toxic` reads it."""
        return {"type": self.type, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class StreamToxic(Toxic):
    """One that affects one direction, of a share of all connections."""

    stream: Direction = "downstream"
    toxicity: Annotated[float, Range(0, 1)] = 1.0


@dataclass(frozen=True, kw_only=True)
class Latency(StreamToxic):
    """Everything arrives later: by `latency_ms`, give or take `jitter_ms`, in order."""

    type = "latency"
    latency_ms: Milliseconds
    jitter_ms: Milliseconds = 0


@dataclass(frozen=True, kw_only=True)
class Bandwidth(StreamToxic):
    """No more than so many bytes a second."""

    type = "bandwidth"
    bytes_per_second: Annotated[int, Range(1, MAX_BYTES)]


@dataclass(frozen=True, kw_only=True)
class Timeout(StreamToxic):
    """Nothing arrives, like in a network that drops packets: also no end of the connection.

    The connection is closed after `timeout_ms`. With 0 it stays open, and what was sent arrives
    when the toxic is taken away.
    """

    type = "timeout"
    timeout_ms: Milliseconds = 0


@dataclass(frozen=True, kw_only=True)
class ResetPeer(StreamToxic):
    """The next data is lost, and both sides get a reset, `timeout_ms` later."""

    type = "reset_peer"
    timeout_ms: Milliseconds = 0


@dataclass(frozen=True, kw_only=True)
class Slicer(StreamToxic):
    """Data arrives in pieces of `average_size` bytes, give or take, with a pause after each."""

    type = "slicer"
    average_size: Annotated[int, Range(1, MAX_PIECE)]
    size_variation: Annotated[int, Range(0, MAX_PIECE)] = 0
    delay_ms: Milliseconds = 0


@dataclass(frozen=True, kw_only=True)
class LimitData(StreamToxic):
    """The connection is closed after so many more bytes."""

    type = "limit_data"
    bytes: Annotated[int, Range(0, MAX_BYTES)]


@dataclass(frozen=True, kw_only=True)
class SlowClose(StreamToxic):
    """The end of the connection arrives later."""

    type = "slow_close"
    delay_ms: Milliseconds


@dataclass(frozen=True, kw_only=True)
class Down(Toxic):
    """Open connections are closed, and new ones are refused."""

    type = "down"


TYPES: Mapping[str, type[Toxic]] = {
    kind.type: kind
    for kind in (Latency, Bandwidth, Timeout, ResetPeer, Slicer, LimitData, SlowClose, Down)
}


def parse_toxics(document: object) -> tuple[Toxic, ...]:
    """Read a list of JSON objects. Raises `InvalidToxic`."""
    if not isinstance(document, list):
        raise InvalidToxic(f"Toxics are a list, not {document!r}.")
    return tuple(parse_toxic(one) for one in document)


def parse_toxic(document: object) -> Toxic:
    """Read one JSON object. Raises `InvalidToxic`."""
    if not isinstance(document, dict):
        raise InvalidToxic(f"A toxic is an object, not {document!r}.")
    values = dict(document)
    name = values.pop("type", None)
    kind = TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidToxic(f"type is one of {', '.join(TYPES)}, not {name!r}.")
    known = {field.name: field for field in fields(kind)}
    for field_name in values:
        if field_name not in known:
            raise InvalidToxic(f"{name} has no field {field_name!r}; it has {', '.join(known)}.")
    for field in known.values():
        if field.name not in values and field.default is MISSING:
            raise InvalidToxic(f"{name} needs the field {field.name}.")
    return kind(**values)


def _check(name: str, hint: Any, value: object) -> None:
    """Raises `InvalidToxic` unless the value of this field is one of its type."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise InvalidToxic(f"{name} is one of {', '.join(get_args(hint))}, not {value!r}.")
        return
    number, allowed = get_args(hint)
    accepted = (int,) if number is int else (int, float)
    is_number = isinstance(value, accepted) and not isinstance(value, bool)
    if not is_number or not allowed.minimum <= value <= allowed.maximum:
        noun = "an integer" if number is int else "a number"
        limits = f"from {allowed.minimum} to {allowed.maximum}"
        raise InvalidToxic(f"{name} is {noun} {limits}, not {value!r}.")

"""The history of a load: each operation of a client on an object of the shop, as the client saw it.

The checks of `cartwheel.consistency` read it. As in Jepsen's histories, an operation whose
response was lost has an unknown outcome: it happened once, at any time after its call, or never.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

CALLS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "cart": {
        "add": frozenset({"sku", "quantity"}),
        "set": frozenset({"sku", "quantity"}),
        "remove": frozenset({"sku"}),
        "clear": frozenset(),
        "read": frozenset(),
        "merge": frozenset({"from"}),
    },
    "stock": {"read": frozenset(), "restock": frozenset({"available"})},
    "order": {"place": frozenset(), "read": frozenset(), "cancel": frozenset()},
    "session": {
        "login": frozenset(),
        "refresh": frozenset({"token"}),
        "logout": frozenset(),
        "use": frozenset(),
    },
}
"""What an operation has in its input at least, by the kind of its object and by its call."""


class InvalidHistory(ValueError):
    """A line of the file is no operation."""


class Outcome(StrEnum):
    """What the client knows of an operation."""

    OK = "ok"  # acknowledged
    REFUSED = "refused"  # a response says that it changed nothing
    UNKNOWN = "unknown"  # no response, or one that does not tell


@dataclass(frozen=True)
class Operation:
    """One operation. A ``client`` has at most one at a time.

    ``object`` is kind and id, as `cart/<owner>`, `stock/<sku>` or `order/<owner>/<key>`. ``input``
    and ``output`` are JSON objects. Times are seconds of one monotonic clock.
    """

    client: int
    object: str
    call: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    outcome: Outcome
    called_at: float
    returned_at: float


class HistoryWriter:
    """Writes a history to a file, one JSON object a line, each operation as soon as it ended.

    If that fails, ``problem`` is a sentence about it, and nothing more is written.
    """

    def __init__(self, path: Path) -> None:
        """Raises `OSError`."""
        self._path = path
        self._file = path.open("w", buffering=1, encoding="utf-8")
        self.problem = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._noting_problem():
            self._file.close()

    def write(self, operation: Operation) -> None:
        if self.problem:
            return
        with self._noting_problem():
            self._file.write(json.dumps(asdict(operation), separators=(",", ":")) + "\n")

    @contextmanager
    def _noting_problem(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.problem = f"{self._path} could not be written ({error.strerror})."


def read_history(path: Path) -> Iterator[Operation]:
    """The operations of a file, in the order in which they ended.

    A last line without its end is skipped: its writer was killed. Raises `InvalidHistory`.
    """
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            try:
                yield checked(_OPERATION.validate_json(line, strict=True))
            except ValueError as error:
                reason = in_one_line(error)
                raise InvalidHistory(
                    f"line {number} of {path} is no operation: {reason}"
                ) from error


class _Members(BaseModel):
    """The members of inputs and outputs, as far as they have a meaning to the checks."""

    sku: str = ""
    quantity: int = 0
    key: str = ""
    guest: str = Field("", alias="from")
    available: int = 0
    expected_total: int = 0
    version: int = 0
    lines: dict[str, int] = {}
    replayed: bool = False
    id: str = ""
    status: Literal["pending", "confirmed", "cancelled"] = "pending"
    total: int = 0
    done: bool = False
    token: str = ""
    problem: str = ""


_OPERATION = TypeAdapter(Operation)


def checked(operation: Operation) -> Operation:
    """The same operation. Raises `ValueError` if it is none that the checks know."""
    _Members.model_validate(operation.input, strict=True)
    _Members.model_validate(operation.output, strict=True)
    kind, _, name = operation.object.partition("/")
    needed = CALLS.get(kind, {}).get(operation.call)
    if needed is None or not name or (kind == "order" and "/" not in name):
        raise ValueError(f"there is no call {operation.call} of {operation.object}")
    missing = set(needed - operation.input.keys())
    if (kind, operation.call, operation.outcome) == ("stock", "read", Outcome.OK):
        missing |= {"available"} - operation.output.keys()
    if missing:
        raise ValueError(f"the {operation.call} has no {', '.join(sorted(missing))}")
    if not -inf < operation.called_at <= operation.returned_at < inf:
        raise ValueError("it returned before its call")
    return operation


def in_one_line(error: ValueError) -> str:
    """What is wrong, of a `ValidationError` the first thing."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]

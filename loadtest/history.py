"""The history of a load: each operation of a client on an object of the shop, as the client saw it.

The checks of `cartwheel.consistency` read it. As in Jepsen's histories, an operation whose
response was lost has an unknown outcome: it happened once, at any time after its call, or never.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self


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
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            try:
                yield _operation(line)
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidHistory(f"line {number} of {path} is no operation: {error}") from error


def _operation(line: str) -> Operation:
    values = json.loads(line)
    return Operation(**values | {"outcome": Outcome(values["outcome"])})

"""Changes of a load that runs: one JSON line each, as ``{"stages": "5m:80", "shoppers": 80}``."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from loadtest.arrivals import Stage, parse_stages, written
from loadtest.generator import Generator

MAX_LINE = 64 * 1024


class InvalidChange(ValueError):
    """The reason, in one line."""


@dataclass(frozen=True)
class Change:
    """The stages from now on. Without ``shoppers``, as many as before."""

    stages: Sequence[Stage]
    shoppers: int | None = None


def to_line(change: Change) -> str:
    """One line of JSON."""
    return json.dumps({"stages": written(change.stages), "shoppers": change.shoppers})


def from_line(line: str | bytes) -> Change:
    """The change of such a line. Raises `InvalidChange`."""
    try:
        values = json.loads(line)
        stages, shoppers = parse_stages(values["stages"]), values.get("shoppers")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidChange(f"This is not a change of the load: {error}.") from error
    if shoppers is not None and (type(shoppers) is not int or shoppers < 1):
        raise InvalidChange(f"This is not a number of shoppers: {shoppers!r}.")
    return Change(stages, shoppers)


def is_pipe(file: IO[Any]) -> bool:
    """Whether `follow_changes` can read it."""
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def follow_changes(
    pipe: IO[Any], generator: Generator, *, before_change: Callable[[], None]
) -> None:
    """Change the load as each line says, until there are no more; a wrong one is only reported."""
    with suppress(ValueError):  # a line that is too long
        async for line in _lines_of(pipe):
            try:
                change = from_line(line)
            except InvalidChange as problem:
                print(problem, file=sys.stderr, flush=True)
                continue
            before_change()
            generator.follow(change.stages, shoppers=change.shoppers)


async def _lines_of(pipe: IO[Any]) -> AsyncIterator[bytes]:
    """The lines of a pipe or a socket, until its end."""
    reader = asyncio.StreamReader(limit=MAX_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    try:
        async for line in reader:
            yield line
    finally:
        transport.close()

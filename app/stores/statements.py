"""SQL that both stores run, and the connection that runs it.

::

    ADD = Statement("UPDATE counters SET value = value + :by WHERE name = :name RETURNING value")

    async with database.transaction("add") as connection:
        value = await connection.scalar(ADD, {"by": 1, "name": "visits"})

A parameter is written ``:name``, as SQLite does. Postgres gets numbered ones, and the list of a
condition ``IN :names`` or ``NOT IN :names`` as an array; SQLite gets that list as JSON. Strings,
quoted names, comments and casts (``::``) stay as they are written. So the text of a statement never
changes, and both drivers can keep it prepared.

What only Postgres knows is refused at import, because it could hide a ``:name``: dollar quotes,
subscripts, ``E''`` strings and comments within comments.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

Values = Mapping[str, Any]
NO_VALUES: Values = {}

_TOKENS = re.compile(
    r"""
    (?P<refused> \$\w*\$ | \[ | \bE' | /\*(?:(?!\*/).)*/\* )
    | '(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | ::
    | \b(?P<not>NOT\s+)?IN\s+:(?P<list>[a-z]\w*)
    | :(?P<name>[a-z]\w*)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


class Statement:
    """One SQL text for SQLite and Postgres; made once, at import."""

    __slots__ = ("_lists", "_names", "postgres", "sqlite")

    postgres: str
    sqlite: str

    def __init__(self, sql: str) -> None:
        self._names: list[str] = []
        self._lists: list[str] = []
        self.postgres = _TOKENS.sub(self._numbered, sql)
        self.sqlite = _TOKENS.sub(_with_json_list, sql)

    def arguments(self, values: Values) -> list[Any]:
        """The values in the order of Postgres' numbers."""
        return [values[name] for name in self._names]

    def parameters(self, values: Values) -> Values:
        """The values as SQLite takes them."""
        if not self._lists:
            return values
        return {**values, **{name: json.dumps(values[name]) for name in self._lists}}

    def _numbered(self, token: re.Match[str]) -> str:
        if token["refused"]:
            raise ValueError(f"a statement for both stores has no {token['refused']}")
        name = token["list"] or token["name"]
        if name is None:
            return token[0]
        if name not in self._names:
            self._names.append(name)
        number = f"${self._names.index(name) + 1}"
        if not token["list"]:
            return number
        self._lists.append(name)
        return f"<> ALL({number})" if token["not"] else f"= ANY({number})"


def _with_json_list(token: re.Match[str]) -> str:
    if not token["list"]:
        return token[0]
    return f"{token['not'] or ''}IN (SELECT value FROM json_each(:{token['list']}))"


class Row(Protocol):
    """A row of a result, by name of the column."""

    def __getitem__(self, column: str) -> Any: ...

    def keys(self) -> Iterable[str]: ...


class Connection(Protocol):
    """Runs statements, one after the other. `values` holds at least the statement's parameters."""

    async def execute(self, statement: Statement, values: Values = NO_VALUES) -> int:
        """Run it; returns how many rows it changed."""
        ...

    async def rows(self, statement: Statement, values: Values = NO_VALUES) -> Sequence[Row]:
        """All rows of the result."""
        ...

    async def first(self, statement: Statement, values: Values = NO_VALUES) -> Row | None:
        """The first row of the result."""
        ...

    async def scalar(self, statement: Statement, values: Values = NO_VALUES) -> Any:
        """The first column of the first row; None if there is no row."""
        ...

    async def execute_each(self, statement: Statement, values: Sequence[Values]) -> None:
        """Run it once for each of ``values``, in their order and in one round trip.

        Only in a `transaction`.
        """
        ...

    async def rows_of_each(self, statement: Statement, values: Sequence[Values]) -> Sequence[Row]:
        """As `execute_each`; returns the rows of all results."""
        ...

"""Header lines as ASGI has them: pairs of bytes, with names in lower case."""

from collections.abc import Iterable

HeaderLines = Iterable[tuple[bytes, bytes]]


def first_value(lines: HeaderLines, name: bytes) -> bytes | None:
    """The value of the first line with this name (in lower case); None without one."""
    for line_name, value in lines:
        if line_name == name:
            return value
    return None

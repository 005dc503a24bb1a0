"""Reads a few metrics out of a long text exposition, quickly.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import re
from collections.abc import Iterable, Sequence

from cartwheel.promql.errors import QueryError
from cartwheel.promql.series import NAME, Labels

_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.ASCII)
_WITHOUT_EXEMPLAR = re.compile(rb'[\w:]+\s*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?[^#]*')
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n"}
_NAME = re.compile(rb"[\w:]*")


class Lines:
    """Finds the lines of the metrics with these names; most of an exposition is of no interest."""

    def __init__(self, names: Iterable[bytes]) -> None:
        self._pattern = re.compile(
            rb"^(((?:%s)(?=[{ \t])(?:\{.*\})?)[ \t]*(.*))$" % b"|".join(map(re.escape, names)), re.M
        )

    def find(self, text: bytes) -> Sequence[tuple[bytes, bytes, bytes]]:
        """Each line; its series and its value if it is as most are, see `split` for the others."""
        return self._pattern.findall(text)


def split(line: bytes) -> tuple[bytes, bytes]:
    """The series as written, and the rest of the line: it may have a timestamp, an exemplar."""
    if b" # " in line and (sample := _WITHOUT_EXEMPLAR.match(line)):
        line = sample[0]
    if b"{" not in line:
        name = _NAME.match(line)
        length = name.end() if name else 0
        return line[:length], line[length:]
    # A value of a label may hold a brace, the number behind it cannot.
    end = line.rfind(b"}") + 1 or len(line)
    return line[:end], line[end:]


def labels_of(series: str) -> Labels:
    """The labels of a series as written, `name{label="value"}`. Raises `QueryError`."""
    name, _, rest = series.partition("{")
    pairs = rest.rpartition("}")[0]
    labels = {NAME: name.strip()}
    position = 0
    while pairs[position:].strip():
        match = _LABEL.match(pairs, position)
        if match is None:
            raise QueryError(f"the labels of a sample cannot be read: {series}")
        labels[match[1]] = _ESCAPED.sub(_unescaped, match[2])
        position = match.end()
    return frozenset((name, value) for name, value in labels.items() if value)


def value_of(rest: bytes) -> float:
    """The value at the start of what follows a series; a timestamp after it is ignored."""
    return float(rest.split(None, 1)[0])


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[1])

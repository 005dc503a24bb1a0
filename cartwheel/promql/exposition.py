"""Reads a few metrics out of a long text exposition, quickly.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import re
from collections.abc import Iterable, Iterator

from cartwheel.promql.errors import QueryError
from cartwheel.promql.series import NAME, Labels

_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.ASCII)
_WITHOUT_EXEMPLAR = re.compile(rb'[\w:]+\s*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?[^#]*')
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n"}
_AFTER_NAME = b"{ \t"


def lines_of(text: bytes, names: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """The lines of the metrics with these names, and the length of the name, as `split` takes them.

    Other lines are skipped, not split: most of an exposition is of no interest here.
    """
    text = b"\n" + text
    for name in names:
        start_of_line = b"\n" + name
        found = text.find(start_of_line)
        while found >= 0:
            end = text.find(b"\n", found + 1)
            line = text[found + 1 : end if end >= 0 else len(text)]
            if line[len(name) : len(name) + 1] in _AFTER_NAME and len(line) > len(name):
                yield line, len(name)
            found = text.find(start_of_line, end) if end >= 0 else -1


def split(line: bytes, name_length: int) -> tuple[bytes, bytes]:
    """The series as written, and the rest of the line."""
    if b" # " in line and (sample := _WITHOUT_EXEMPLAR.match(line)):
        line = sample[0]
    if b"{" not in line:
        return line[:name_length], line[name_length:]
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

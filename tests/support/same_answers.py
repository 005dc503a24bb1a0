"""Two shops that have to answer alike, and what is allowed to differ between their answers."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

from tests.support.raw_http import RawConnection, RawResponse
from tests.support.shop import Shop

AT_ONCE = 40
"""Requests that are sent before the first answer is read."""

# What is made for each request, or for each shop: ids, tokens, times.
_MASKS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rb"(?mi)^(date: |x-request-id: )[^\r]*", rb"\1"),
        (rb'("(?:request_id|instance)":\s?)"[^"]*"', rb"\1"),
    )
)
_LENGTH = re.compile(rb"(?mi)^content-length: \d+")


@dataclass(frozen=True)
class Sent:
    """The same request for each of two shops, with the credentials of each."""

    first: bytes
    second: bytes

    @property
    def is_head(self) -> bool:
        return self.first.startswith(b"HEAD ")


@dataclass(frozen=True)
class TwoShops:
    """One serves compiled routes, the other one has FastAPI serve them."""

    compiled: Shop
    plain: Shop

    def __iter__(self) -> Iterator[Shop]:
        return iter((self.compiled, self.plain))


def masked(content: bytes) -> bytes:
    """The answer without what has to differ."""
    for pattern, replacement in _MASKS:
        content = pattern.sub(replacement, content)
    return content

"""Two shops that have to answer alike, and what may differ between their answers."""

import asyncio
import difflib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.raw_http import RawConnection, RawResponse
from tests.support.shop import Shop, running_shop

# Sets of texts have the same order in both.
_ALIKE = {"PYTHONHASHSEED": "1"}

# What is made for each request or in each shop: ids, tokens, times, ports.
_MASKED = re.compile(
    rb"""(?mx)
    ^(?:date|x-request-id|content-length|retry-after):\ [^\r\n]*
    | "(?:request_id|instance|refresh_token|next_cursor|kid|x)":\ ?"[^"]*"
    | name="(?:form_token|order_key|key)"\ value="[\w-]+
    | cartwheel_form=[\w-]{43}
    | \b[\w-]{22}\.[\w-]{43}\b
    | \beyJ[\w-]+\.[\w-]+\.[\w-]+
    | \b(?:user|guest|ord)_[0-9a-f]{20,}
    | \bperson-\d+-\d+@
    | expires=\w+,\ [^;]+\ GMT
    | \d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)?
    | \b127\.0\.0\.1:\d+
    """
)


@dataclass(frozen=True)
class TwoShops:
    """One with compiled routes, and one in which FastAPI serves all routes."""

    compiled: Shop
    plain: Shop

    async def differences(
        self, service: str, requests: Callable[[Shop], Sequence[bytes]]
    ) -> tuple[int, list[str]]:
        """How many requests both answered, and where they differed.

        `requests` makes them with the credentials of a shop.
        """
        sent = [requests(shop) for shop in (self.compiled, self.plain)]
        received, expected = await asyncio.gather(
            _ask(self.compiled, service, sent[0]), _ask(self.plain, service, sent[1])
        )
        rows = zip(sent[0], received, expected, strict=True)
        found = [
            f"{request[:200]!r}\n{difference}"
            for request, one, other in rows
            if (difference := difference_of(_content(one), _content(other)))
        ]
        return len(received), found


@asynccontextmanager
async def two_running_shops(folder: Path) -> AsyncIterator[TwoShops]:
    """Both, with nobody in them; `folder` gets their files."""
    folders = [folder / name for name in ("compiled", "plain")]
    for one in folders:
        one.mkdir()
    plain = {**_ALIKE, "CARTWHEEL_COMPILE_ROUTES": "false"}
    async with (
        running_shop(folders[0], environment=_ALIKE) as first,
        running_shop(folders[1], environment=plain) as second,
    ):
        yield TwoShops(first, second)


def difference_of(one: bytes, other: bytes) -> str:
    """Empty if both answers are the same, but for what has to differ."""
    if one == other:
        return ""
    answers = [_MASKED.sub(b"-", answer) for answer in (one, other)]
    if answers[0] == answers[1]:
        return ""
    compiled, plain = (answer.decode("latin-1").splitlines() for answer in answers)
    return "\n".join(difflib.unified_diff(compiled, plain, "compiled", "plain", lineterm="", n=0))


def _content(answer: RawResponse) -> bytes:
    return answer.head + answer.body


async def _ask(shop: Shop, service: str, requests: Sequence[bytes]) -> list[RawResponse]:
    """One after another: what one changes, the next ones see."""
    answers: list[RawResponse] = []
    connection: RawConnection | None = None
    for request in requests:
        if connection is None:
            connection = await RawConnection.open(shop.url(service))
        await connection.send(request)
        answer = await connection.read_response(to_head=request.startswith(b"HEAD "))
        answers.append(answer)
        if answer.status == 0 or answer.headers.get("connection") == "close":
            await connection.__aexit__()
            connection = None
    if connection is not None:
        await connection.__aexit__()
    return answers

"""JSON bodies of requests."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

MAX_BODY_SIZE = 256 * 1024


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty object.

    Raises `HTTPException` with a sentence when it is too large (413) or anything else (400).
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_SIZE:
            raise HTTPException(413, f"The body is larger than {MAX_BODY_SIZE // 1024} KB.")
    try:
        value = json.loads(body or b"{}", parse_constant=_refuse_constant)
        # JSON can have halves of characters, which no response or file can.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise HTTPException(400, "The body has text that UTF-8 cannot encode.") from None
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"The body is not JSON ({error}).") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "The body is not a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")

"""The `Idempotency-Key` header: a request that is sent again is carried out once.

A client that got no response sends the same request again with the same key. Errors follow
draft-ietf-httpapi-idempotency-key-header:

| the key                                    | the response                                |
|--------------------------------------------|---------------------------------------------|
| is missing, and the operation needs one    | 400                                         |
| is malformed                               | 400                                         |
| was used for a different request           | 422 `app.errors.IdempotencyKeyReused`       |
| was used for this request                  | documented by each service; `REPLAYED` is   |
|                                            | the header that may mark it                 |

Each service decides what it remembers of a key and for how long. The key of a guest
(`POST /v1/guests` of the user service) is the exception: it names the guest, has at least 32
characters, and is answered 422 when it is malformed.

Where a key is optional, the service's dependencies declare the header themselves, with `Key` or
`KeyForm`. A key is read as it was sent, not as a structured field: quotes are part of it.
"""

import re
from typing import Annotated, Any

from fastapi import Header
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from app.errors import IDEMPOTENCY_KEY, BadRequest, UnprocessablePayload, idempotency_key_error

MAX_LENGTH = 255
REPLAYED = {"Idempotency-Replayed": "true"}
"""Marks a response to a request that was carried out before."""


class KeyForm:
    """Metadata for a key: `Annotated[str, KeyForm()]`. Raises `problem` for a malformed one."""

    def __init__(
        self,
        *,
        min_length: int = 1,
        problem: type[BadRequest] | type[UnprocessablePayload] = BadRequest,
    ) -> None:
        self._form = re.compile(rf"[!-~]{{{min_length},{MAX_LENGTH}}}")
        self._text = f"{min_length} to {MAX_LENGTH} visible ASCII characters"
        self._problem = problem
        self.schema = {
            "type": "string",
            "pattern": "^[!-~]+$",
            "minLength": min_length,
            "maxLength": MAX_LENGTH,
        }

    def check(self, key: str) -> str:
        """The key itself. Raises the problem that was chosen for malformed ones."""
        if self._form.fullmatch(key):
            return key
        raise self._problem(
            f"The Idempotency-Key is malformed: it must be {self._text}.",
            errors=[idempotency_key_error(f"must be {self._text}")],
        )

    def __get_pydantic_core_schema__(
        self, source: type[str], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.schema


_ANY_KEY = KeyForm()
Key = Annotated[str, _ANY_KEY]


async def required_key(
    key: Annotated[Key | None, Header(alias=IDEMPOTENCY_KEY, include_in_schema=False)] = None,
) -> str:
    """A dependency: the key of an operation that needs one."""
    if key is None:
        raise BadRequest(
            "The Idempotency-Key is missing: this operation needs one.",
            errors=[idempotency_key_error("is missing")],
        )
    return key


def document_required_key(description: str) -> dict[str, Any]:
    """For `openapi_extra=` of a route that depends on `required_key`.

    The framework answers a required header that is missing with 422, so the header is optional
    for the framework and is described here.
    """
    parameter = {
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "required": True,
        "description": description,
        "schema": _ANY_KEY.schema,
    }
    return {"parameters": [parameter]}


def document_replay(description: str) -> dict[str, Any]:
    """For `headers` of a documented response that may be a replay."""
    schema = {"type": "string", "enum": ["true"]}
    return {name: {"description": description, "schema": schema} for name in REPLAYED}

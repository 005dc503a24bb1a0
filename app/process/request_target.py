"""What the address in a request line may be.

The protocol checks the length while the address arrives. The middleware checks the characters
once the route is known, so that the refusal is counted under it.
"""

from app.errors import BadRequest, Problem


class UriTooLong(Problem):
    status = 414
    type = "uri-too-long"
    title = "Address too long"


def check_length(target: bytes, *, limit: int) -> None:
    """Raise UriTooLong if the address has more than `limit` bytes."""
    if len(target) > limit:
        raise UriTooLong(f"An address may have {limit} bytes.")


def check_characters(path: str, query: bytes) -> None:
    """Raise BadRequest if the decoded path or the encoded query has a NUL: stores refuse it."""
    if "\0" in path or b"%00" in query:
        raise BadRequest("The address has a NUL character.")

"""Whether the shop is at the target, asked before any load."""

from loadtest.http_client import HttpClient, InvalidTarget
from loadtest.messages import Request

CHECK_TIMEOUT = 3.0


async def problem_with(target: str) -> str | None:
    """The problem with the target, in one line; None if the shop responds there."""
    try:
        async with HttpClient(target, timeout=CHECK_TIMEOUT) as client:
            response = await client.send(Request("/healthz", "GET", "/healthz"))
    except InvalidTarget:
        return f"{target} is not a target: write the URL of the shop, as http://127.0.0.1:8080."
    if not response.status:
        return (
            f"Nothing responds at {target}: start the shop (make up, or make kind and skaffold "
            "run), or say where it is with --target."
        )
    if response.status != 200:
        return f"{target} is not the shop: /healthz responded with {response.status}."
    return None

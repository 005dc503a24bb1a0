"""The load of the past, from a Prometheus: range queries over plain HTTP, in chunks."""

import json
import math
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from cartwheel.errors import CommandError, UsageError
from cartwheel.simulation.durations import format_duration
from cartwheel.simulation.load_shape import MAX_POINTS as MAX_VALUES
from cartwheel.simulation.load_shape import PastLoad, from_points

# Prometheus refuses more than 11,000 points of a series in one response.
MAX_POINTS = 10_000
MAX_RESPONSE = 64 * 1024 * 1024
TIMEOUT = 30.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def query_load(
    url: str, query: str, *, last: float, step: float, until: float | None = None
) -> PastLoad:
    """The result of a query over the last so many seconds, one value each step.

    It begins with the first value; a later gap counts as no load. Raises `UsageError` for a URL or
    a query that cannot work, `CommandError` when Prometheus does not respond.
    """
    if step <= 0 or last / step > MAX_VALUES:
        raise UsageError(
            f"--resample must be above 0, and --last at most {MAX_VALUES:,} times that."
        )
    end = math.floor((time.time() if until is None else until) / step) * step
    start = end - math.floor(last / step) * step
    found: dict[int, float] = {}
    for first, final in _chunks(start, end, step):
        for at, value in _query_range(url, query, first, final, step):
            found[round((at - start) / step)] = value
    if not found:
        raise CommandError(f"{_shown(url)} has no data for this query in that time.")
    missing, count = min(found), round((end - start) / step) + 1
    points = ((start + n * step, found.get(n, 0.0)) for n in range(missing, count))
    return PastLoad(from_points(points, last=step), _note(start, missing * step))


def _note(start: float, missing: float) -> str:
    if not missing:
        return ""
    first = datetime.fromtimestamp(start + missing).isoformat(sep=" ", timespec="seconds")
    return (
        f"The load begins at {first}: there is no data for the {format_duration(missing)} before."
    )


def _chunks(start: float, end: float, step: float) -> Iterator[tuple[float, float]]:
    length = (MAX_POINTS - 1) * step
    while start <= end:
        yield start, min(start + length, end)
        start += length + step


def _query_range(
    url: str, query: str, start: float, end: float, step: float
) -> list[tuple[float, float]]:
    parameters = urlencode({"query": query, "start": start, "end": end, "step": step})
    body = _get(url, f"/api/v1/query_range?{parameters}")
    if body.get("status") != "success":
        raise UsageError(f"Prometheus refuses the query: {body.get('error', 'no reason given')}.")
    try:
        return _only_series(body["data"]["result"])
    except (KeyError, TypeError, ValueError) as error:
        raise CommandError(f"The response of {_shown(url)} is not that of a Prometheus.") from error


def _only_series(result: list[dict[str, Any]]) -> list[tuple[float, float]]:
    if not isinstance(result, list):
        raise TypeError
    if len(result) > 1:
        raise UsageError(f"The query gives {len(result)} series, not one. Put sum(…) around it.")
    if any("histograms" in one for one in result):
        raise UsageError("The query gives native histograms, not numbers: use histogram_count(…).")
    values = ((float(at), float(value)) for one in result for at, value in one["values"])
    return [(at, value) for at, value in values if math.isfinite(value)]


def _get(url: str, path: str) -> dict[str, Any]:
    request = _request(url, path)
    try:
        with _opener(request.host).open(request, timeout=TIMEOUT) as response:
            text = response.read(MAX_RESPONSE + 1)
    except HTTPError as error:
        text = _read_error(error, url)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise CommandError(f"{_shown(url)} does not respond: {_describe(reason)}.") from error
    if len(text) > MAX_RESPONSE:
        raise CommandError(f"The response of {_shown(url)} is too large. Use a longer --resample.")
    try:
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    except ValueError:
        pass
    raise CommandError(f"The response of {_shown(url)} is not JSON: is it a Prometheus?")


def _opener(host: str) -> OpenerDirector:
    """With the proxy of the environment, but not for this machine."""
    name = urlsplit(f"//{host}").hostname
    return build_opener(ProxyHandler({})) if name in LOOPBACK else build_opener()


def _read_error(error: HTTPError, url: str) -> bytes:
    """A refused query has a JSON body with the reason; anything else is no Prometheus."""
    text = error.read(MAX_RESPONSE)
    if error.code in (400, 422, 503) and text.lstrip().startswith(b"{"):
        return text
    raise CommandError(f"{_shown(url)} responds {error.code} {error.reason}.") from error


def _request(url: str, path: str) -> Request:
    """User and password of the URL become a header. Raises `UsageError`."""
    parts = _split(url)
    server = parts.netloc.rpartition("@")[2]
    request = Request(urlunsplit((parts.scheme, server, parts.path.rstrip("/") + path, "", "")))
    if parts.username is not None:
        login = f"{parts.username}:{parts.password or ''}".encode()
        request.add_header("Authorization", f"Basic {b64encode(login).decode()}")
    return request


def _split(url: str) -> SplitResult:
    """Raises `UsageError`."""
    with suppress(ValueError):
        parts = urlsplit(url)
        is_plain = (parts.hostname or "").isascii() and parts.path.isascii()
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and is_plain:
            return parts
    raise UsageError(f"{url!r} is not the URL of a Prometheus. Example: http://127.0.0.1:9090")


def _shown(url: str) -> str:
    """Without the password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _describe(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no response within {TIMEOUT:g} s"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__

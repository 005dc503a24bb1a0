"""An `Upstream` with one replica or several, each a real little server."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from app.client import Upstream, UpstreamError
from app.telemetry.metrics import Metrics
from tests.app.client.neighbours import Behaviour, Neighbour, neighbour


def upstream(url: str, metrics: Metrics | None = None, **options: Any) -> Upstream:
    options.setdefault("rng", random.Random(3))
    return Upstream("products", url, metrics=metrics or Metrics("cart"), **options)


@asynccontextmanager
async def calling(behave: Behaviour, **options: Any) -> AsyncIterator[tuple[Upstream, Neighbour]]:
    """One neighbour with one replica."""
    async with neighbour(behave) as server, upstream(server.url, **options) as client:
        yield client, server


@asynccontextmanager
async def calling_replicas(
    tmp_path: Path, *behaviours: Behaviour, **options: Any
) -> AsyncIterator[tuple[Upstream, list[Neighbour]]]:
    """One neighbour with several replicas, listed in a file."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(neighbour(one)) for one in behaviours]
        file = list_targets(tmp_path, *(server.port for server in servers))
        client = await stack.enter_async_context(upstream(f"file:{file}", **options))
        yield client, servers


def list_targets(tmp_path: Path, *ports: int) -> Path:
    file = tmp_path / "endpoints.json"
    file.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"]} for port in ports]))
    return file


async def outcome(client: Upstream, method: str = "GET", **options: Any) -> str:
    """The status of an response, or the name of the error."""
    try:
        return str((await client.request(method, "/", **options)).status_code)
    except UpstreamError as error:
        return type(error).__name__


async def no_pause(seconds: float) -> None:
    return None


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    """A metric about the neighbour; 0 if there is no such series yet."""
    found = metrics.registry.get_sample_value(name, {"upstream": "products", **labels})
    return found or 0.0


def tries(metrics: Metrics, label: str) -> float:
    """How many tries ended with that outcome."""
    return sample(metrics, "http_client_request_duration_seconds_count", outcome=label)

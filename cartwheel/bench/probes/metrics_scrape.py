"""How long a scrape of `/metrics` stops the event loop: `metrics_scrape.py MODULE:FACTORY SERIES`.

The service gets that many counters more than it has. Probes and requests wait as long as the
longest pause between two turns of the loop.
"""

import asyncio
import importlib
import json
import sys
import time
from typing import Any

import uvloop

SCRAPES = 5


async def longest_pause(scrape: asyncio.Task[int]) -> float:
    """The longest time between two turns of the loop until the scrape is done."""
    longest, before = 0.0, time.perf_counter()
    while not scrape.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest


async def scrape(app: Any) -> int:
    """The size of the response."""
    size = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal size
        size += len(message.get("body", b""))

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/metrics",
        "raw_path": b"/metrics",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await app(scope, receive, send)
    return size


async def main(factory: str, series: int) -> None:
    module, _, name = factory.partition(":")
    app = getattr(importlib.import_module(module), name)()
    things = {"thing": [f"thing-{number}" for number in range(series)]}
    app.state.metrics.counter("bench_things_total", "How many?", things)
    pauses, times, size = [], [], 0
    for _ in range(SCRAPES):
        started = time.process_time()
        size = await scrape(app)
        times.append(time.process_time() - started)
        pauses.append(await longest_pause(asyncio.create_task(scrape(app))))
    pauses.sort()
    times.sort()
    figures = {"blocked": pauses[SCRAPES // 2] * 1e3, "cpu": times[SCRAPES // 2] * 1e3}
    json.dump({**figures, "size": size / 1024}, sys.stdout)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))

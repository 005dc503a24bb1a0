"""Replicas come and go behind one shared socket and no request is lost."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2

from tests.support.processes import listen, start_service, url_of
from tests.support.waiting import until

FACTORY = "tests.app.small:create"
CLIENTS = 8
REQUESTS = 4000


async def test_replicas_stopped_under_load_lose_no_request(tmp_path: Path) -> None:
    shared = listen()
    answers: list[int] = []
    with shared:
        async with AsyncExitStack() as stack:
            first, second = [
                await stack.enter_async_context(
                    start_service("small", {}, folder=tmp_path, factory=FACTORY, listener=shared)
                )
                for _ in range(2)
            ]
            load = [
                asyncio.create_task(_ask_until(url_of(shared), answers)) for _ in range(CLIENTS)
            ]
            await until(lambda: len(answers) >= REQUESTS // 4, within=60)
            assert await first.stop() == 0
            third = start_service("small", {}, folder=tmp_path, factory=FACTORY, listener=shared)
            await stack.enter_async_context(third)
            await until(lambda: len(answers) >= REQUESTS // 2, within=60)
            assert await second.stop() == 0
            await asyncio.gather(*load)
    assert len(answers) >= REQUESTS
    assert set(answers) == {200}


async def _ask_until(url: str, answers: list[int]) -> None:
    """Ask over kept-alive connections, without a retry that would hide a loss."""
    async with httpx2.AsyncClient(base_url=url, timeout=10) as client:
        while len(answers) < REQUESTS:
            answers.append((await client.get("/v1/items/1")).status_code)

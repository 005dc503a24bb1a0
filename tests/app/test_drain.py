"""Replicas come and go behind one shared socket and no request is lost."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2

from tests.support.processes import listen, start_service, url_of

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
            await _until_answered(answers, REQUESTS // 4, load)
            assert await first.stop() == 0
            third = start_service("small", {}, folder=tmp_path, factory=FACTORY, listener=shared)
            await stack.enter_async_context(third)
            await _until_answered(answers, REQUESTS // 2, load)
            assert await second.stop() == 0
            await asyncio.gather(*load)
    assert len(answers) >= REQUESTS
    assert set(answers) == {200}


async def _ask_until(url: str, answers: list[int]) -> None:
    """Ask over kept-alive connections, without a retry that would hide a loss."""
    async with httpx2.AsyncClient(base_url=url, timeout=10) as client:
        while len(answers) < REQUESTS:
            answers.append((await client.get("/v1/items/1")).status_code)


async def _until_answered(answers: list[int], number: int, load: list[asyncio.Task[None]]) -> None:
    async with asyncio.timeout(60):
        while len(answers) < number:
            for task in load:
                assert not task.done() or task.exception() is None, task.exception()
            await asyncio.sleep(0.01)

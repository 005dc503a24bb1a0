"""Work that starts again when it fails, until it is to end."""

import asyncio

import pytest

from cartwheel.local import retrying
from tests.support.waiting import until


async def test_work_that_fails_while_it_is_cancelled_is_reported_and_does_not_start_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retrying, "RETRY_DELAY", 0.0)
    runs: list[int] = []
    reports: list[str] = []

    async def work() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("out of beads")
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("no beads at all")

    task = asyncio.create_task(retrying.retry_until_done(work, "threading", reports.append))
    await until(lambda: len(runs) == 2)
    task.cancel()
    await asyncio.wait([task], timeout=5.0)

    assert task.done()
    first, last = reports
    assert first.startswith("threading failed (RuntimeError: out of beads")
    assert last.startswith("threading failed while it stopped (RuntimeError: no beads at all")

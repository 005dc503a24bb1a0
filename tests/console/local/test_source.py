"""A sample shop at work, as the console sees it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import httpx2
import pytest

from cartwheel.console.live import Live
from cartwheel.console.local import LocalSource
from cartwheel.console.local.metrics import Sampling
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import Frame, ReplicaState
from tests.cartwheel.supervisor_process import TIMEOUT, SupervisorProcess
from tests.console.console_server import serving_console
from tests.support.waiting import until

# On one worker, which starts the shop once.
pytestmark = pytest.mark.xdist_group("console's local run")

QUICK_SAMPLING = Sampling(0.2)


class Watched:
    """A source and all the frames that it has published."""

    def __init__(self, state: Path) -> None:
        self.live = Live()
        self.frames: list[Frame] = []
        self.live.on_frame.append(self.frames.append)
        self.source = LocalSource(StateFolder(state), self.live, sampling=QUICK_SAMPLING)

    async def next_frames(self, count: int) -> list[Frame]:
        begin = len(self.frames)
        await until(lambda: len(self.frames) >= begin + count, within=TIMEOUT)
        return self.frames[begin:]

    def phases(self, frame: Frame, service: str = "cart") -> list[str]:
        services = [one for one in frame.services if one.name == service]
        return [replica.phase for one in services for replica in one.replicas]


@asynccontextmanager
async def watching(state: Path) -> AsyncIterator[Watched]:
    watched = Watched(state)
    task = asyncio.create_task(watched.source.run())
    try:
        await until(lambda: any(one.services for one in watched.frames), within=TIMEOUT)
        yield watched
    finally:
        task.cancel()
        await asyncio.wait([task])


async def call(shop: SupervisorProcess, service: str, *, times: int = 1) -> None:
    url = shop.service(service)["url"]
    async with httpx2.AsyncClient() as client:
        for _ in range(times):
            (await client.get(f"{url}/v1/name")).raise_for_status()


async def test_an_idle_shop_with_an_open_console_has_no_edge_and_no_request(
    scaled_shop: SupervisorProcess,
) -> None:
    async with watching(scaled_shop.state) as watched:
        frames = (await watched.next_frames(5))[2:]
    assert [one.edges for one in frames] == [[]] * len(frames)
    assert {service.rate for one in frames for service in one.services} == {0.0}
    assert frames[-1].problem == ""


async def test_a_replica_serves_as_soon_as_it_has_had_a_request(
    scaled_shop: SupervisorProcess,
) -> None:
    async with watching(scaled_shop.state) as watched:
        await watched.next_frames(3)
        await call(scaled_shop, "storefront", times=3)
        await until(lambda: watched.phases(watched.frames[-1], "storefront") == ["serving"])
        (edge,) = watched.frames[-1].edges
        assert (edge.source, edge.target) == ("outside", "storefront")
        (service,) = (one for one in watched.frames[-1].services if one.name == "storefront")
        (replica,) = service.replicas
        assert replica.memory is not None
        assert replica.memory > 10_000_000
        assert replica.cpu is not None


async def test_a_killed_replica_is_seen_even_if_it_is_back_at_once(
    scaled_shop: SupervisorProcess,
) -> None:
    async with watching(scaled_shop.state) as watched:
        (replica,) = scaled_shop.replicas("storefront")
        os.kill(replica["pid"], signal.SIGKILL)
        await until(
            lambda: any("crashed" in watched.phases(one, "storefront") for one in watched.frames),
            within=TIMEOUT,
        )
        await until(
            lambda: watched.phases(watched.frames[-1], "storefront") == ["ready"], within=TIMEOUT
        )
        headlines = {one.headline for one in watched.frames}
    assert f"{replica['replica']} crashed; it starts again" in headlines


async def test_a_replica_that_hangs_has_no_figures_until_it_responds_again(
    scaled_shop: SupervisorProcess,
) -> None:
    def replica(frame: Frame, service: str) -> ReplicaState:
        return next(one for one in frame.services if one.name == service).replicas[0]

    async with watching(scaled_shop.state) as watched:
        await until(lambda: replica(watched.frames[-1], "storefront").rate is not None)
        pid = scaled_shop.replicas("storefront")[0]["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            await until(lambda: replica(watched.frames[-1], "storefront").reason != "")
            frame = watched.frames[-1]
        finally:
            os.kill(pid, signal.SIGCONT)
        hung, other = replica(frame, "storefront"), replica(frame, "cart")
        assert hung.reason == "does not respond to a scrape"
        assert (hung.rate, hung.cpu, hung.memory, hung.in_flight) == (None, None, None, None)
        assert hung.phase != "serving"
        assert other.rate is not None
        await until(lambda: replica(watched.frames[-1], "storefront").rate is not None)


async def test_the_page_explains_a_moment_as_the_command_does(
    scaled_shop: SupervisorProcess,
) -> None:
    async with watching(scaled_shop.state) as watched:
        await until(lambda: watched.frames[-1].autoscaler is not None, within=TIMEOUT)
        frame = watched.frames[-1]
        # To the second, as on the command line; the recording goes on beyond it.
        at = float(int(frame.at))
        await until(lambda: watched.frames[-1].at > at + 1.2, within=TIMEOUT)
        async with serving_console([watched.source]) as console:
            response = await console.client.get("/api/explanation", params={"at": at})
            now = await console.client.get("/api/explanation")
            wrong = [
                await console.client.get("/api/explanation", params={"at": at})
                for at in ("noon", "nan", "-1", "1e300")
            ]
    shown = response.raise_for_status().json()
    moment = datetime.fromtimestamp(at).isoformat()
    printed = await asyncio.to_thread(scaled_shop.command, "explain", "--at", moment, "--json")
    (explanation,) = json.loads(printed.stdout)
    for part in ("sentences", "outlook"):
        assert [one["text"] for one in shown[part]] == [one["text"] for one in explanation[part]]
    assert "kind: ScaledObject" in shown["manifest"]
    assert now.raise_for_status().json()["source"] == "local run"
    assert {one.status_code for one in wrong} == {422}


async def test_a_frame_is_small(scaled_shop: SupervisorProcess) -> None:
    async with watching(scaled_shop.state) as watched:
        (frame,) = await watched.next_frames(1)
    assert len(json.dumps(asdict(frame))) < 2000

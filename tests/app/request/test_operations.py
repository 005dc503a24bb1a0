"""Probes and metrics are for operators; strangers see no metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.ports import free_port
from tests.support.processes import ServiceProcess, launch, listen, start_service, url_of

PRIVATE, PUBLIC = "tests.app.small:create", "tests.app.small:create_public"
PROBES = ("/livez", "/readyz", "/healthz")


@asynccontextmanager
async def with_operations_port(folder: Path, factory: str) -> AsyncIterator[tuple[str, str]]:
    """A replica's URLs: the one for callers and the one for operations."""
    port = free_port()
    env = {"CARTWHEEL_OPERATIONS_PORT": str(port)}
    async with start_service("small", env, folder=folder, factory=factory) as replica:
        yield replica.url, f"http://127.0.0.1:{port}"


async def get(url: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        return await client.get(url)


async def test_a_public_port_shows_no_metrics_and_no_reasons(tmp_path: Path) -> None:
    async with with_operations_port(tmp_path, PUBLIC) as (callers, operations):
        for path in ("/metrics", "/metrics?x=1"):
            answer = await get(callers + path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await get(f"{callers}/readyz?verbose")).json() == {"status": "ready"}

        assert "http_requests_in_flight" in (await get(f"{operations}/metrics")).text
        assert (await get(f"{operations}/readyz?verbose")).json()["checks"] == {}


@pytest.mark.parametrize("factory", [PRIVATE, PUBLIC])
async def test_both_ports_answer_probes(tmp_path: Path, factory: str) -> None:
    async with with_operations_port(tmp_path, factory) as urls:
        for url in urls:
            for path in PROBES:
                assert (await get(url + path)).status_code == 200


async def test_an_internal_service_shows_everything_on_both_ports(
    tmp_path: Path,
) -> None:
    async with with_operations_port(tmp_path, PRIVATE) as urls:
        for url in urls:
            assert (await get(f"{url}/metrics")).status_code == 200
            assert "checks" in (await get(f"{url}/readyz?verbose")).json()


async def test_the_port_for_operations_answers_nothing_else(tmp_path: Path) -> None:
    async with with_operations_port(tmp_path, PUBLIC) as (_, operations):
        for path in ("/", "/v1/items", "/docs", "/openapi.json"):
            assert (await get(operations + path)).status_code == 404
        async with httpx2.AsyncClient() as client:
            refused = await client.post(f"{operations}/livez")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_without_another_port_everything_is_on_the_one_there_is(tmp_path: Path) -> None:
    async with start_service("small", {}, folder=tmp_path, factory=PUBLIC) as replica:
        assert (await get(f"{replica.url}/metrics")).status_code == 200


async def test_the_shared_socket_is_public_and_a_replicas_own_is_not(tmp_path: Path) -> None:
    with listen() as shared, listen() as own:
        replica = launch(PUBLIC, {}, [shared, own], tmp_path / "small.log")
        try:
            await replica.ready()
            assert (await get(f"{url_of(shared)}/metrics")).status_code == 404
            assert (await get(f"{url_of(own)}/metrics")).status_code == 200
            assert "checks" not in (await get(f"{url_of(shared)}/readyz?verbose")).json()
            assert "checks" in (await get(f"{url_of(own)}/readyz?verbose")).json()
        finally:
            replica.end()


async def test_operations_are_served_over_ipv6(tmp_path: Path) -> None:
    port = free_port()
    env = {"CARTWHEEL_HOST": "::1", "CARTWHEEL_OPERATIONS_PORT": str(port)}
    async with start_service("small", env, folder=tmp_path, factory=PRIVATE) as replica:
        assert (await get(f"http://[::1]:{port}/livez")).status_code == 200
    assert f"[::1]:{port}" in replica.output


async def test_a_taken_port_for_operations_is_named(tmp_path: Path) -> None:
    with listen() as taken, listen() as own:
        env = {"CARTWHEEL_OPERATIONS_PORT": str(taken.getsockname()[1])}
        replica: ServiceProcess = launch(PRIVATE, env, [own], tmp_path / "small.log")
        try:
            assert await replica.exited() == 2
            (words,) = replica.output.splitlines()
            assert words.startswith("CARTWHEEL_OPERATIONS_PORT: cannot listen on 127.0.0.1")
        finally:
            replica.end()

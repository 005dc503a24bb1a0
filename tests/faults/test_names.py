"""Upstreams whose names do not resolve, or whose addresses are wrong."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import httpx2
import pytest

from tests.faults.namespaces import Namespace, running_namespace
from tests.faults.proxied_shop import NOTICE
from tests.support.processes import start_service

pytestmark = pytest.mark.xdist_group("namespaces")

Figure = Callable[..., None]
UPSTREAMS = ("products", "cart", "user", "tracking")
DEADLINE = 2.5
"""Of a page, in seconds."""


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with running_namespace() as space:
        yield space


@asynccontextmanager
async def storefront(space: Namespace, folder: Path, url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A storefront in the namespace, with this URL of its upstreams; it is reached from here."""
    nameservers = folder / "resolv.conf"
    nameservers.write_text(f"nameserver {space.here}\n")
    env = {f"CARTWHEEL_{name.upper()}_URL": url for name in UPSTREAMS}
    env["CARTWHEEL_SERVICE_TOKENS"] = "shown-between-services-that-cannot-be-found"
    within = space.command(nameservers=nameservers)
    async with (
        start_service("storefront", env, folder=folder, within=within) as replica,
        httpx2.AsyncClient(base_url=replica.url, timeout=15) as client,
    ):
        yield client


@pytest.mark.fault(22)
async def test_while_no_name_resolves_pages_say_so_at_once_and_the_service_is_live(
    space: Namespace, tmp_path: Path, figure: Figure
) -> None:
    with space.unplugged():
        async with storefront(space, tmp_path, "dns+http://an-upstream.example:8000") as client:
            started = time.monotonic()
            page = await client.get("/")
            seconds = time.monotonic() - started
            figure("home after {:.2f} s without names", seconds)
            assert seconds < DEADLINE, "it did not wait"
            assert (page.status_code, NOTICE in page.text) == (200, True)
            assert (await client.get("/api/products/v1/products")).status_code == 503
            assert (await client.get("/livez")).status_code == 200


@pytest.mark.fault(22)
@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "is silent"])
async def test_a_wrong_address_costs_no_more_than_the_deadline(
    space: Namespace, tmp_path: Path, figure: Figure, silent: bool
) -> None:
    async with storefront(space, tmp_path, f"http://{space.here}:9") as client:
        with space.unplugged() if silent else nullcontext():
            started = time.monotonic()
            page = await client.get("/")
            seconds = time.monotonic() - started
            assert (page.status_code, NOTICE in page.text) == (200, True)
            assert (await client.get("/livez")).status_code == 200
        figure("home after {:.2f} s", seconds)
        assert seconds < DEADLINE + 1

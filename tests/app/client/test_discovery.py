import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.client.discovery import DnsEndpoints, EndpointsFile, discover, resolve
from tests.app.clocks import Clock


def write(path: Path, *targets: str) -> None:
    """Replace the file as the supervisor does, in one step."""
    new = path.with_suffix(".new")
    groups = [{"targets": [target], "labels": {"instance": "cart-x7f2"}} for target in targets]
    new.write_text(json.dumps(groups))
    os.replace(new, path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cart.json"


def test_http_is_one_endpoint() -> None:
    assert discover("http://cart:8000/").endpoints() == ("http://cart:8000",)


@pytest.mark.parametrize("url", ["https://cart", "cart:8000", "ftp://cart", ""])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="starts with http:"):
        discover(url)


@pytest.mark.parametrize("form", ["file:{}", "file://{}"])
def test_a_file_lists_the_endpoints(path: Path, form: str) -> None:
    write(path, "127.0.0.1:4123", "127.0.0.1:4124")

    found = discover(form.format(path)).endpoints()

    assert found == ("http://127.0.0.1:4123", "http://127.0.0.1:4124")


def test_a_changed_file_is_read_again_within_a_fifth_of_a_second(path: Path) -> None:
    clock = Clock()
    write(path, "127.0.0.1:1")
    file = EndpointsFile(path, clock=clock)
    file.endpoints()

    write(path, "127.0.0.1:1", "127.0.0.1:2")
    clock.advance(0.2)

    assert len(file.endpoints()) == 2


def test_a_file_is_not_checked_for_every_request(path: Path) -> None:
    clock = Clock()
    write(path, "127.0.0.1:1")
    file = EndpointsFile(path, clock=clock)
    file.endpoints()

    write(path, "127.0.0.1:2")

    assert file.endpoints() == ("http://127.0.0.1:1",)


def test_a_file_that_appears_later_is_found(path: Path) -> None:
    clock = Clock()
    file = EndpointsFile(path, clock=clock)
    assert file.endpoints() == ()

    write(path, "127.0.0.1:1")
    clock.advance(0.2)

    assert file.endpoints() == ("http://127.0.0.1:1",)


def test_an_empty_list_means_that_no_replica_is_ready(path: Path) -> None:
    clock = Clock()
    write(path, "127.0.0.1:1")
    file = EndpointsFile(path, clock=clock)
    file.endpoints()

    write(path)
    clock.advance(0.2)

    assert file.endpoints() == ()


@pytest.mark.parametrize(
    "content", ["", "[{", "{}x", '{"targets": []}', "[1]", "[{}]", "null", "\xff"]
)
def test_a_broken_file_changes_nothing(path: Path, content: str) -> None:
    clock = Clock()
    write(path, "127.0.0.1:1")
    file = EndpointsFile(path, clock=clock)
    file.endpoints()

    path.write_text(content, encoding="latin-1")
    clock.advance(0.2)

    assert file.endpoints() == ("http://127.0.0.1:1",)


def test_a_removed_file_changes_nothing(path: Path) -> None:
    clock = Clock()
    write(path, "127.0.0.1:1")
    file = EndpointsFile(path, clock=clock)
    file.endpoints()

    path.unlink()
    clock.advance(0.2)

    assert file.endpoints() == ("http://127.0.0.1:1",)


class Resolver:
    """A name server whose answers a test writes down."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Sequence[str] = addresses
        self.broken = False
        self._asked: asyncio.Queue[str] = asyncio.Queue()

    async def asked_again(self, times: int) -> None:
        """Wait until it was asked so often from now on; the response before the last is in use."""
        while not self._asked.empty():
            self._asked.get_nowait()
        for _ in range(times):
            await asyncio.wait_for(self._asked.get(), 5)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self._asked.put_nowait(host)
        if self.broken:
            raise OSError("no such name")
        return self.addresses


async def test_a_name_stands_for_all_its_addresses() -> None:
    async with DnsEndpoints("cart", 8000, resolver=Resolver("10.0.0.2", "10.0.0.1")) as name:
        assert name.endpoints() == ("http://10.0.0.1:8000", "http://10.0.0.2:8000")


async def test_new_addresses_are_found() -> None:
    resolver = Resolver("10.0.0.1")
    async with DnsEndpoints("cart", 8000, resolver=resolver, interval=0.01) as name:
        resolver.addresses = ["10.0.0.1", "10.0.0.2"]
        await resolver.asked_again(2)

        assert len(name.endpoints()) == 2


@pytest.mark.fault(22)
async def test_addresses_are_kept_while_the_name_does_not_resolve() -> None:
    resolver = Resolver("10.0.0.1")
    async with DnsEndpoints("cart", 8000, resolver=resolver) as name:
        resolver.broken = True
        await name.refresh()

        assert name.endpoints() == ("http://10.0.0.1:8000",)


@pytest.mark.fault(22)
async def test_opening_does_not_fail_when_the_name_does_not_resolve() -> None:
    resolver = Resolver()
    resolver.broken = True
    async with DnsEndpoints("cart", 8000, resolver=resolver) as name:
        assert name.endpoints() == ()


@pytest.mark.fault(22)
async def test_a_resolver_that_does_not_respond_times_out() -> None:
    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    async with asyncio.timeout(5), DnsEndpoints("cart", 8000, resolver=hang, timeout=0.01) as name:
        assert name.endpoints() == ()


async def test_the_machines_resolver_knows_localhost() -> None:
    assert "127.0.0.1" in await resolve("localhost", 80)


async def test_a_name_is_resolved_again_when_all_its_addresses_refused() -> None:
    resolver = Resolver("10.0.0.1")
    async with DnsEndpoints("cart", 8000, resolver=resolver, interval=3600) as name:
        resolver.addresses = ["10.0.0.2"]
        name.request_refresh()
        await resolver.asked_again(1)

        assert name.endpoints() == ("http://10.0.0.2:8000",)


def test_a_file_is_read_again_when_all_its_addresses_refused(path: Path) -> None:
    write(path, "127.0.0.1:1")
    file = EndpointsFile(path, clock=Clock())
    assert file.endpoints() == ("http://127.0.0.1:1",)
    write(path, "127.0.0.1:22")
    assert file.endpoints() == ("http://127.0.0.1:1",)

    file.request_refresh()

    assert file.endpoints() == ("http://127.0.0.1:22",)

"""A shop on SQLite whose files are locked by somebody else, or whose disk is full."""

import asyncio
import os
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.writes import Writes
from tests.support.shop import WITH_STORE, Shop, running_shop
from tests.support.waiting import until

pytestmark = [pytest.mark.quick, pytest.mark.xdist_group("sqlite stores")]

RECOVERED_WITHIN = 3.0
DISK_MEGABYTES = 8


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, which can be filled."""

    folder: Path

    def fill(self) -> None:
        with (self.folder / "filling").open("wb", buffering=0) as filling:
            for size in (2**20, 2**12, 1):
                try:
                    while True:
                        filling.write(b"\0" * size)
                except OSError:  # not even so much is left
                    continue

    def clear(self) -> None:
        (self.folder / "filling").unlink()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a file system")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
async def shop(disk: SmallDisk, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """Its stores are on the small disk, its logs are not."""
    stores = {service: f"sqlite:///{file(disk, service)}" for service in WITH_STORE}
    async with running_shop(tmp_path_factory.mktemp("shop"), stores=stores) as shop:
        yield shop


@pytest.fixture
def writes(shop: Shop) -> Writes:
    return Writes(shop)


def file(disk: SmallDisk, service: str) -> Path:
    return disk.folder / f"{service}.sqlite3"


def is_intact(database: Path) -> bool:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.fault(13, store="sqlite")
@pytest.mark.parametrize("service", WITH_STORE)
async def test_a_write_to_a_locked_file_is_refused_with_retry_after(
    disk: SmallDisk, writes: Writes, service: str, figure: Callable[..., None]
) -> None:
    with closing(sqlite3.connect(file(disk, service), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        refused = await asyncio.to_thread(writes.to, service)
        waited = time.monotonic() - started
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.headers["content-type"] == "application/problem+json"
        holder.execute("ROLLBACK")

    seconds = await writes.seconds_until_accepted(service)

    figure("{} refuses after {:.1f} s, writes {:.2f} s after the lock", service, waited, seconds)
    assert seconds <= RECOVERED_WITHIN


@pytest.mark.fault(12, store="sqlite")
async def test_a_full_disk_refuses_writes_and_damages_nothing(
    shop: Shop, disk: SmallDisk, writes: Writes, figure: Callable[..., None]
) -> None:
    disk.fill()
    try:
        for service in WITH_STORE:
            # What the file has room for is still taken.
            await until(lambda service=service: not writes.to(service).is_success, within=30)
            refused = await asyncio.to_thread(writes.to, service)
            assert refused.status_code == 503, (service, refused.text)
            assert refused.headers["retry-after"]
            assert shop.request(service, "GET", "/livez").status_code == 200
        assert shop.request("products", "GET", "/v1/products").status_code == 200
    finally:
        disk.clear()

    seconds = await asyncio.gather(*map(writes.seconds_until_accepted, WITH_STORE))

    for service, taken in zip(WITH_STORE, seconds, strict=True):
        assert is_intact(file(disk, service))
        figure("{} writes {:.2f} s after there is space", service, taken)
        assert taken <= RECOVERED_WITHIN

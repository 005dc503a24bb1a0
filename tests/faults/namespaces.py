"""A second network on this machine, and a cable to it that loses everything when a test says so.

Needs root and `ip`, as on a machine for continuous integration.
"""

import ctypes
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000
NOBODY = "02:00:00:00:00:01"
"""A hardware address that no card has: a frame to it is lost without a word."""


@dataclass(frozen=True)
class Namespace:
    """A network namespace; `here` and `there` are the addresses at the two ends of the cable."""

    name: str
    near: str
    far: str
    here: str
    there: str

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that are made within the block belong to the namespace, for good."""
        with open("/proc/self/ns/net") as own, open(f"/run/netns/{self.name}") as other:
            _enter(other.fileno())
            try:
                yield
            finally:
                _enter(own.fileno())

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """Within the block packets are lost in both directions, and neither side is told."""
        to_there, to_here = (self.there, "dev", self.near), (self.here, "dev", self.far)
        _ip("neigh", "replace", *to_there, "lladdr", NOBODY, "nud", "permanent")
        self._ip_there("neigh", "replace", *to_here, "lladdr", NOBODY, "nud", "permanent")
        try:
            yield
        finally:
            _ip("neigh", "del", *to_there)
            self._ip_there("neigh", "del", *to_here)

    def command(self, *, nameservers: Path) -> Sequence[str]:
        """The start of a command that runs another one there, with this `resolv.conf`."""
        mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        enter = ("nsenter", f"--net=/run/netns/{self.name}", "unshare", "--mount")
        return [*enter, "sh", "-c", mount, str(nameservers)]

    def _ip_there(self, *arguments: str) -> None:
        _ip("-n", self.name, *arguments)


@contextmanager
def running_namespace() -> Iterator[Namespace]:
    """Skips the test where there cannot be one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and `ip`")
    identity = secrets.token_hex(3)
    number = secrets.randbelow(250)
    space = Namespace(
        f"cartwheel-{identity}",
        f"cw{identity}a",
        f"cw{identity}b",
        f"10.213.{number}.1",
        f"10.213.{number}.2",
    )
    try:
        _ip("netns", "add", space.name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine lets nobody make network namespaces: {error.stderr.strip()}")
    try:
        _ip("link", "add", space.near, "type", "veth", "peer", space.far, "netns", space.name)
        _ip("address", "add", f"{space.here}/30", "dev", space.near)
        _ip("link", "set", space.near, "up")
        space._ip_there("address", "add", f"{space.there}/30", "dev", space.far)
        space._ip_there("link", "set", space.far, "up")
        space._ip_there("link", "set", "lo", "up")
        yield space
    finally:
        _ip("netns", "del", space.name)  # and the cable with it


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=10)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")

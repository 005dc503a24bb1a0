"""Where a console may listen, and under which names it is then reached."""

import ipaddress
import socket
from collections.abc import Iterable

import psutil

from cartwheel.errors import UsageError
from cartwheel.local.sockets import LOOPBACK, REACHABLE

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def check_host(host: str, *, allow_remote: bool) -> None:
    """Raises `UsageError` for a host that others can reach, unless that is allowed."""
    if not allow_remote and not is_loopback(host):
        raise UsageError(
            f"--host {host}: others could reach the console there and change the shop with its "
            "link. If that is wanted, add --allow-remote."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(host: str) -> Iterable[str]:
    """What stands in the Host header of requests to a console that listens there.

    Behind a wildcard these are the addresses and the name of this machine, not any name: a page
    of another site could have its own name point here.
    """
    if host not in REACHABLE:
        return [*LOOPBACK_NAMES, _bracketed(host)]
    addresses = [
        address.address.partition("%")[0]
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family in (socket.AF_INET, socket.AF_INET6)
    ]
    return [*LOOPBACK_NAMES, *map(_bracketed, addresses), socket.gethostname()]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

"""Proxy variables that would send requests for this machine to a proxy."""

import urllib.request
from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.doctor.local.machine import Machine

LOOPBACK = ("localhost", "127.0.0.1")


def examine(_: Machine) -> Iterator[Outcome]:
    proxies = urllib.request.getproxies()
    proxy = proxies.get("http") or proxies.get("all")
    caught = [host for host in LOOPBACK if not urllib.request.proxy_bypass(host)]
    if proxy is None or not caught:
        yield Healthy("no proxy for this machine's own addresses")
        return
    yield Finding(
        about="proxy variables",
        problem=f"curl sends requests for {' and '.join(caught)} to {_shown(proxy)}",
        evidence="http_proxy or ALL_PROXY is set, and NO_PROXY does not name these hosts. "
        "Other clients do the same; Cartwheel itself ignores the proxy",
        command='export NO_PROXY="${NO_PROXY:+$NO_PROXY,}localhost,127.0.0.1,::1"; '
        'export no_proxy="$NO_PROXY"',
        severity=Severity.RISK,
    )


def _shown(proxy: str) -> str:
    """The proxy without the password that its URL may contain."""
    return proxy.rpartition("@")[2] if "@" in proxy else proxy


CHECK = Check("proxies", "proxy variables that catch requests for this machine", examine)

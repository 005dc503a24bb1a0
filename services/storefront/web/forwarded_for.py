"""The client's address from ``X-Forwarded-For``, as far as trusted proxies wrote it.

A proxy appends the address it was called from. Everything left of what our own proxies appended
was sent by the caller and may be made up, so the list is read from the right, and only as far as
its writers are trusted.
"""

import ipaddress
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ALLOWED = "allowed: networks like 10.0.0.0/8 or fd00::/8, comma separated"


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(_network(part.strip()) for part in value.split(",") if part.strip())


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network ({error}); {ALLOWED}") from None
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} is everybody, and a stranger is no proxy; {ALLOWED}")
    return network


TrustedProxies = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The last address that is not a trusted proxy's; ``forwarded`` holds the headers in order.

    Without trusted proxies it is ``peer``, the address that connected, whatever the headers say.
    """
    address = _parsed(peer) if trusted else None
    if address is None:
        return peer
    for text in reversed(",".join(forwarded).split(",")):
        if not any(address in network for network in trusted):
            break
        earlier = _parsed(_without_port(text.strip()))
        if earlier is None:
            break
        address = earlier
    return str(address)


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(text: str) -> str:
    """Some proxies write ``192.0.2.1:4711`` or ``[2001:db8::1]:4711``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text

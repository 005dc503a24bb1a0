"""Which page a form was posted from, as the browser's headers say: a defence against CSRF."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_from_own_page(headers: Headers, *, public_origin: str | None) -> bool:
    """Whether the form was on a page of this shop, or no header says where it was.

    Programs send neither header; there the form token stops a forger.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    if public_origin is not None:
        return origin == public_origin
    return _host_of(origin) == headers.get("host")


def names_its_page(headers: Headers) -> bool:
    """Whether a header says where the form was. Every current browser sends one."""
    return "sec-fetch-site" in headers or "origin" in headers


def _host_of(origin: str) -> str | None:
    """Host and port; None for what is no origin."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None

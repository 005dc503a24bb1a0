"""The paths of the pages that others link to."""

from urllib.parse import quote

SEARCH_PATH = "/search"


def product_path(sku: str) -> str:
    return f"/products/{quote(sku, safe='')}"


def category_path(slug: str) -> str:
    return f"/categories/{quote(slug, safe='')}"


def order_path(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


def login_path(*, next_path: str) -> str:
    """The log-in that leads on to another page."""
    return f"/login?next={next_path}"

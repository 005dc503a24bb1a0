"""What the pages and the order desk both know about postal codes."""

from services.storefront import countries
from services.tracking import models


def test_the_pages_ask_for_a_postal_code_where_the_order_desk_does() -> None:
    free = models.WITHOUT_POSTAL_CODES & countries.COUNTRIES.keys()
    assert free == countries.WITHOUT_POSTAL_CODES

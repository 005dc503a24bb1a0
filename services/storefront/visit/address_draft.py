"""The address typed in a checkout that is no order yet, kept in a cookie."""

from collections.abc import Mapping

from services.storefront.web.cookie_values import pack_texts, unpack_texts
from services.storefront.web.cookies import CookieJar

COOKIE = "draft"
FIELDS = ("name", "line1", "line2", "postal_code", "city", "country")
MAX_AGE = 30 * 60


class AddressDraft:
    def __init__(self, jar: CookieJar) -> None:
        self._jar = jar

    @property
    def fields(self) -> dict[str, str]:
        return unpack_texts(self._jar.received(COOKIE), FIELDS)

    def keep(self, typed: Mapping[str, str]) -> None:
        address = {name: typed[name] for name in FIELDS if typed.get(name)}
        packed = pack_texts(address)
        if address and packed:
            self._jar.write(COOKIE, packed, max_age=MAX_AGE)

    def forget(self) -> None:
        self._jar.delete(COOKIE)

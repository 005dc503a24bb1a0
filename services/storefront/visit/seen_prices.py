"""The price of each product when it was put in the cart, kept in a cookie."""

from collections.abc import Mapping

from services.storefront.web.cookies import MAX_COOKIE_LENGTH, MONTH, CookieJar

COOKIE = "prices"


class SeenPrices:
    """The prices a shopper saw, as its browser remembers them: only to be shown."""

    def __init__(self, jar: CookieJar) -> None:
        self._jar = jar

    @property
    def by_sku(self) -> dict[str, int]:
        return _unpack(self._jar.received(COOKIE))

    def remember(self, sku: str, amount: int) -> None:
        others = {known: seen for known, seen in self.by_sku.items() if known != sku}
        self._jar.write(COOKIE, _pack(others | {sku: amount}), max_age=MONTH)

    def forget(self) -> None:
        self._jar.delete(COOKIE)


def _pack(prices: Mapping[str, int]) -> str:
    """SKUs and amounts as one value; the oldest go when it becomes too long for a cookie."""
    packed = [f"{sku}.{amount}" for sku, amount in prices.items()]
    while len("~".join(packed)) > MAX_COOKIE_LENGTH:
        packed.pop(0)
    return "~".join(packed)


def _unpack(value: str | None) -> dict[str, int]:
    """What cannot be read is skipped: browsers may send anything."""
    pairs = (part.rpartition(".") for part in (value or "").split("~"))
    return {
        sku: int(amount)
        for sku, _, amount in pairs
        if sku and amount.isascii() and amount.isdigit() and len(amount) <= 15
    }

"""Flash messages between two pages, each in a cookie of the page that will show it."""

import hashlib
from urllib.parse import unquote, urlsplit

from services.storefront.view_models.flash_messages import FlashMessage
from services.storefront.web.cookies import CookieJar

MAX_AGE = 60


class FlashCookies:
    """``path`` is the page of this request."""

    def __init__(self, jar: CookieJar, *, path: str) -> None:
        self._jar = jar
        self._cookie = flash_cookie_name(path)

    def received(self) -> FlashMessage | None:
        """The message that the page before left for this one."""
        return FlashMessage.unpacked(self._jar.received(self._cookie) or "")

    def take(self) -> FlashMessage | None:
        """`received`, but only once."""
        message = self.received()
        if message is not None:
            self._jar.delete(self._cookie)
        return message

    def send(self, message: FlashMessage, *, to: str) -> None:
        """Show the message on the page that is opened next."""
        self._jar.write(flash_cookie_name(to), message.packed(), max_age=MAX_AGE)


def flash_cookie_name(path: str) -> str:
    """One name for each page, because all tabs of a browser share one set of cookies."""
    page = unquote(urlsplit(path).path)
    return f"notice-{hashlib.sha256(page.encode(errors='replace')).hexdigest()[:8]}"

"""The form token (CSRF token) of one browser, kept in a cookie."""

from services.storefront.web.cookies import MONTH, CookieJar
from services.storefront.web.form_tokens import is_same_token, masked, new_form_token

COOKIE = "form"


class FormToken:
    def __init__(self, jar: CookieJar) -> None:
        self._jar = jar
        self._received = jar.received(COOKIE)
        self.value = self._received or self._new()

    @property
    def masked(self) -> str:
        """The value as a page shows it."""
        return masked(self.value)

    def matches(self, sent: str) -> bool:
        """Whether a form came with the token that this browser keeps."""
        return is_same_token(sent, self._received)

    def replace(self) -> None:
        """At every log-in and log-out: a token planted before is worth nothing after."""
        self.value = self._new()

    def _new(self) -> str:
        token = new_form_token()
        self._jar.write(COOKIE, token, max_age=MONTH)
        return token

"""Rendering: pages and redirects, with the cookies of the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

from jinja2 import Environment
from starlette.responses import HTMLResponse, RedirectResponse

from services.storefront.models import Product
from services.storefront.page_parts import MissingPart
from services.storefront.view_models.flash_messages import (
    FlashMessage,
    FlashMessageView,
    flash_message_view,
)
from services.storefront.view_models.missing_parts import missing_part_view
from services.storefront.visit.carts import CartCount
from services.storefront.visit.flash_cookies import FlashCookies
from services.storefront.visit.form_token import FormToken
from services.storefront.visit.session import Session
from services.storefront.web.cookies import CookieJar

LOOK_UP: Final = "look-up"
PATH_SIGNS = "/@!$&'()*+,;=:~"
RETRY_AFTER = "5"
"""Seconds: about as long as the circuit breaker of a failing upstream stays open."""
# A page holds what belongs to one person, and a form token.
NO_STORE = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """What the frame of every page shows."""

    signed_in: bool
    form_token: str
    cart_count: int | None
    flash: FlashMessageView | None
    name: str
    origin: str
    canonical_url: str


class Pages:
    """``origin`` is the shop's own as its operator set it, empty if it is not set."""

    def __init__(
        self,
        templates: Environment,
        *,
        path: str,
        origin: str,
        jar: CookieJar,
        session: Session,
        form_token: FormToken,
        flash: FlashCookies,
        cart_count: CartCount,
    ) -> None:
        self._templates = templates
        self._path = path
        self.origin = origin
        self._jar = jar
        self._session = session
        self._form_token = form_token
        self._flash = flash
        self._cart_count = cart_count

    async def show(
        self,
        template: str,
        *,
        status: int = 200,
        cart_count: int | Literal["look-up"] | None = LOOK_UP,
        flash_products: Mapping[str, Product] | None = None,
        **model: Any,
    ) -> HTMLResponse:
        """The page, with the cookies of this request.

        ``cart_count`` is for a route that read the cart; None if it could not be read.
        ``flash_products`` are those that a flash message may be about.
        """
        if cart_count == LOOK_UP:
            cart_count = await self._cart_count.value()
        # A page that shows what is missing needs no flash message about it.
        flash = self._take_flash(flash_products or {}, is_part_missing=bool(model.get("missing")))
        visitor = Visitor(
            signed_in=self._session.is_signed_in,
            form_token=self._form_token.masked,
            cart_count=cart_count,
            flash=flash,
            name=self._session.name,
            origin=self.origin,
            canonical_url=self.origin + quote(self._path, safe=PATH_SIGNS),
        )
        content = self.render(template, **{"here": "", "visitor": visitor, **model})
        headers = NO_STORE | ({"retry-after": RETRY_AFTER} if status == 503 else {})
        return self._jar.add_to(HTMLResponse(content, status, headers))

    async def show_missing(self, template: str, part: MissingPart, **model: Any) -> HTMLResponse:
        """The page without its subject: a 503, so that no cache or crawler keeps it."""
        missing = missing_part_view(part)
        return await self.show(template, status=503, missing=missing, **model)

    def redirect(self, path: str, *, flash: FlashMessage | str = "") -> RedirectResponse:
        """Go on to a path of this shop, with a flash message to show there."""
        if flash:
            message = FlashMessage(flash) if isinstance(flash, str) else flash
            self._flash.send(message, to=path)
        return self._jar.add_to(RedirectResponse(path, status_code=303, headers=NO_STORE))

    def render(self, template: str, **model: Any) -> str:
        return self._templates.get_template(template).render(model)

    def _take_flash(
        self, products: Mapping[str, Product], *, is_part_missing: bool
    ) -> FlashMessageView | None:
        message = self._flash.take()
        if message is None or (is_part_missing and message.is_about_missing_part):
            return None
        return flash_message_view(message, products)

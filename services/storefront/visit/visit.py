"""What a route is given of the browser that sent its request."""

from dataclasses import dataclass
from typing import TypeVar

from starlette.responses import Response

from services.storefront.visit.address_draft import AddressDraft
from services.storefront.visit.carts import CartCount
from services.storefront.visit.flash_cookies import FlashCookies
from services.storefront.visit.form_token import FormToken
from services.storefront.visit.pages import Pages
from services.storefront.visit.posted_forms import PostedForms
from services.storefront.visit.seen_prices import SeenPrices
from services.storefront.visit.session import Session
from services.storefront.web.cookies import CookieJar

ResponseT = TypeVar("ResponseT", bound=Response)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser. ``accept`` is its header, ``client_address`` where it is from."""

    session: Session
    form_token: FormToken
    forms: PostedForms
    flash: FlashCookies
    seen_prices: SeenPrices
    address_draft: AddressDraft
    cart_count: CartCount
    pages: Pages
    jar: CookieJar
    accept: str
    client_address: str

    @property
    def wants_json(self) -> bool:
        return self.accept == "application/json"

    @property
    def accepts_html(self) -> bool:
        return "text/html" in self.accept

    def with_cookies(self, response: ResponseT) -> ResponseT:
        """For a response that `pages` did not make."""
        return self.jar.add_to(response)

    def forget_checkout(self) -> None:
        """Once a cart is ordered, or its owner logged out."""
        self.seen_prices.forget()
        self.address_draft.forget()

"""What the routes need: the shop behind the pages, and the visit a request is part of."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, cast
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends, Request
from jinja2 import Environment
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.client import Upstream, UpstreamError
from app.errors import Forbidden
from app.process.lifecycle import Lifecycle
from app.telemetry.logs import get_logger
from services.storefront.clients import FORWARDED_FOR, RenewedElsewhere, SignedOut
from services.storefront.flash_messages import Flash, Notice, Pieces, notice_of
from services.storefront.models import Product, Tokens
from services.storefront.service import Outage, Storefront, missing_neighbour
from services.storefront.settings import StorefrontSettings
from services.storefront.streams import Streams
from services.storefront.token_refresher import TokenRefresher
from services.storefront.views import missing
from services.storefront.web.addresses import shopper_address
from services.storefront.web.assets import Assets
from services.storefront.web.cookies import (
    MONTH,
    Cookies,
    Session,
    pack_prices,
    pack_text,
    unpack_prices,
    unpack_text,
)
from services.storefront.web.forms import MAX_FIELDS, read_form
from services.storefront.web.security import (
    is_from_own_page,
    is_same_token,
    masked,
    names_its_page,
    new_form_token,
)

TOKEN_MARGIN = 15
"""Seconds before its end at which an access token is no longer used."""
NOTICE_AGE = 60
DRAFT_FIELDS = ("name", "line1", "line2", "postal_code", "city", "country")
DRAFT_AGE = 30 * 60
PATH_SIGNS = "/@!$&'()*+,;=:~"
RETRY_AFTER = "5"
"""Seconds: about as long as a neighbour that fails is left alone."""
ASK: Literal["ask"] = "ask"

T = TypeVar("T")
ResponseT = TypeVar("ResponseT", bound=Response)


class StaleForm(Forbidden):
    """A form without our token, or from somebody else's page.

    ``typed`` is what it holds, for the page to come again with; nothing unless the browser says
    that the form was on a page of ours, as nobody else may fill in ours.
    ``again`` is the page to load again.
    """

    type = "stale-form"
    title = "This form went stale."

    def __init__(self, typed: Mapping[str, str] | None = None, *, again: str = "") -> None:
        more: dict[str, Any] = {"again": again} if again else {}
        super().__init__(
            "The form is not from a page of this shop, or too old. Load it again.", **more
        )
        self.typed = typed or {}

    def leading_to(self, path: str) -> "StaleForm":
        return StaleForm(self.typed, again=path)


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything start-up made."""

    settings: StorefrontSettings
    storefront: Storefront
    token_refresher: TokenRefresher
    upstreams: Mapping[str, Upstream]
    streams: Streams
    templates: Environment
    assets: Assets
    cookies: Cookies


async def shop(request: Request) -> Shop:
    return cast(Shop, request.state.shop)


async def lifecycle(request: Request) -> Lifecycle:
    return cast(Lifecycle, request.app.state.lifecycle)


CurrentShop = Annotated[Shop, Depends(shop)]
CurrentLifecycle = Annotated[Lifecycle, Depends(lifecycle)]


@dataclass(frozen=True, slots=True)
class Visitor:
    """What every page shows of who looks at it."""

    signed_in: bool
    form_token: str
    cart_count: int | None
    notice: Notice | None
    name: str
    origin: str
    address: str


class Visit:
    """One request of a browser: who it is from, and the cookies that go back with the answer."""

    def __init__(self, request: Request, shop: Shop) -> None:
        self._request = request
        self._shop = shop
        self._set: dict[str, tuple[str, int]] = {}
        self._dropped: set[str] = set()
        self._session = Session(self._cookie("access"), self._cookie("refresh"))
        self._form_token = self._cookie("form") or self._new_form_token()
        self._name = unpack_text(self._cookie("who"), ("name",)).get("name", "")
        self._count: asyncio.Task[int | None] | None = None

    # Who it is

    @property
    def signed_in(self) -> bool:
        """Whether this looks like somebody with an account: the neighbours decide."""
        token = self._session.access_token
        return token is not None and not self._session.is_guest

    async def bearer(self) -> str | None:
        """The access token to show, renewed if it ran out; None for a stranger.

        Raises `UpstreamError` when it ran out and cannot be renewed just now, and
        `RenewedElsewhere` when the browser has to ask again with the cookies it is about to get.
        """
        if self._session.access_token is not None:
            return self._session.access_token
        return await self._renew()

    async def as_caller(self, work: Callable[[str | None], Awaitable[T]]) -> T:
        """Do it as the caller. A token that was refused is renewed, and the work done again.

        Work is given None for a stranger. Raises `SignedOut` when there is no session left.
        """
        bearer = await self.bearer()
        try:
            return await work(bearer)
        except SignedOut:
            if bearer is None:
                raise
        return await work(await self._renew())

    async def as_somebody(self, work: Callable[[str], Awaitable[T]]) -> T:
        """`as_caller`, for what a stranger cannot do. Raises `SignedOut` for one, too."""

        async def known(bearer: str | None) -> T:
            if bearer is None:
                raise SignedOut
            return await work(bearer)

        return await self.as_caller(known)

    async def as_account(self, read: Callable[[str], Awaitable[T | Outage]]) -> T | Outage | None:
        """What ``read`` found; None for somebody who has to log in first."""
        try:
            if not await is_signed_in(self):
                return None
            return await self.as_somebody(read)
        except SignedOut:
            return None
        except UpstreamError as error:
            return Outage(missing_neighbour(error, asked="user"))

    async def bearer_or_guest(self) -> str:
        """The access token; a stranger becomes a guest. Raises `UpstreamError`.

        Forms that are sent before the first cookies are back come with one form token, which
        makes them one guest.
        """
        bearer = await self.bearer()
        if bearer is not None:
            return bearer
        tokens = await self._shop.storefront.users.guest(
            address=self.address, key=guest_key(self._form_token)
        )
        self.begin(tokens)
        return tokens.access_token

    def begin(self, tokens: Tokens) -> None:
        """From now on the browser shows these tokens."""
        self._session = Session(tokens.access_token, tokens.refresh_token)
        access_age = max(1, tokens.expires_in - TOKEN_MARGIN)
        self._write("access", tokens.access_token, max_age=access_age)
        if tokens.refresh_token is not None:
            self._write("refresh", tokens.refresh_token, max_age=MONTH)

    def end(self) -> None:
        """From now on the browser is a stranger's."""
        self._session = Session(None, None)
        self._drop("access")
        self._drop("refresh")
        self.call("")

    @property
    def name(self) -> str:
        """What to call somebody who is logged in; nothing if that is not known."""
        return self._name if self.signed_in else ""

    def call(self, name: str) -> None:
        """From now on pages call the visitor this."""
        self._name = name
        packed = pack_text({"name": name}) if name else None
        if packed:
            self._write("who", packed, max_age=MONTH)
        else:
            self._drop("who")

    def change_form_token(self) -> None:
        """At the moment somebody logs in: a token planted before is worth nothing after."""
        self._form_token = self._new_form_token()

    async def _renew(self) -> str | None:
        if self._session.refresh_token is None:
            if self._session.access_token is not None:
                self.end()
            return None
        try:
            tokens = await self._shop.token_refresher.refresh(self._session.refresh_token)
        except SignedOut:
            self.end()
            return None
        self.begin(tokens)
        return tokens.access_token

    @property
    def address(self) -> str:
        """Where the browser connects from."""
        return client_address(self._request, self._shop)

    @property
    def origin(self) -> str:
        """Where the shop is, as its operator says; what a request says of it is not repeated."""
        return self._shop.settings.public_origin or ""

    # What was posted

    async def form(self, *, most_fields: int = MAX_FIELDS) -> Mapping[str, str]:
        """The posted form. Raises `StaleForm` unless it comes from a page of this shop.

        Also raises `RenewedElsewhere`: here, before anything was done, the form can be sent again.
        """
        public_origin = self._shop.settings.public_origin
        if not is_from_own_page(self._request.headers, public_origin=public_origin):
            self._log_foreign_page(public_origin)
            raise StaleForm
        form = await read_form(self._request, most_fields=most_fields)
        if not is_same_token(form.get("form_token", ""), self._cookie("form")):
            raise StaleForm(form if names_its_page(self._request.headers) else None)
        with suppress(UpstreamError):
            await self.bearer()
        return form

    def _log_foreign_page(self, public_origin: str | None) -> None:
        """Says what was compared: behind a proxy that renames the host it is our own page."""
        headers = self._request.headers
        get_logger().warning(
            "form.from_another_site",
            origin=headers.get("origin"),
            site=headers.get("sec-fetch-site"),
            host=headers.get("host"),
            public_origin=public_origin,
            hint="CARTWHEEL_PUBLIC_ORIGIN has to be the origin that shoppers see",
        )

    @property
    def wants_json(self) -> bool:
        return self._request.headers.get("accept", "") == "application/json"

    @property
    def reads_pages(self) -> bool:
        return "text/html" in self._request.headers.get("accept", "")

    # What was seen

    @property
    def seen_prices(self) -> dict[str, int]:
        """The price of each SKU when it was put in the cart, as far as the browser knows."""
        return unpack_prices(self._cookie("prices"))

    def remember_price(self, sku: str, amount: int) -> None:
        prices = {known: seen for known, seen in self.seen_prices.items() if known != sku}
        self._write("prices", pack_prices(prices | {sku: amount}), max_age=MONTH)

    def forget_prices(self) -> None:
        self._drop("prices")

    @property
    def draft(self) -> dict[str, str]:
        """The address that was typed in a checkout which did not become an order yet."""
        return unpack_text(self._cookie("draft"), DRAFT_FIELDS)

    def keep_draft(self, typed: Mapping[str, str]) -> None:
        address = {name: typed[name] for name in DRAFT_FIELDS if typed.get(name)}
        packed = pack_text(address)
        if address and packed:
            self._write("draft", packed, max_age=DRAFT_AGE)

    def forget_draft(self) -> None:
        self._drop("draft")

    # What goes back

    def expect_count(self) -> None:
        """Start asking for the number in the header while the page is being made."""
        self._count = asyncio.create_task(self._count_or_none())

    async def page(
        self,
        template: str,
        *,
        status: int = 200,
        cart_count: int | Literal["ask"] | None = ASK,
        goods: Mapping[str, Product] | None = None,
        **model: Any,
    ) -> HTMLResponse:
        """Render a page, with the cookies of this visit.

        ``cart_count`` is for those who know it already; None says that nobody can tell.
        ``goods`` are the products that a notice may be about.
        """
        if cart_count == ASK:
            cart_count = await (self._count or self._count_or_none())
        # A page that says itself what is missing does not say it twice.
        notice = self._notice(goods or {}, outage=bool(model.get("missing")))
        visitor = Visitor(
            self.signed_in,
            masked(self._form_token),
            cart_count,
            notice,
            self.name,
            self.origin,
            self.origin + quote(self._path, safe=PATH_SIGNS),
        )
        content = self.render(template, **{"here": "", "visitor": visitor, **model})
        # Pages hold what concerns one person and a form token: nobody keeps them.
        headers = {"cache-control": "no-store"}
        if status == 503:
            headers["retry-after"] = RETRY_AFTER
        return self.sealed(HTMLResponse(content, status, headers))

    async def outage(self, template: str, outage: Outage, **model: Any) -> HTMLResponse:
        """The page whose subject did not come: nobody shall take it for the real one."""
        return await self.page(template, status=503, missing=missing(outage), **model)

    def render(self, template: str, **model: Any) -> str:
        return self._shop.templates.get_template(template).render(model)

    def redirect(
        self,
        path: str,
        *,
        notice: str | None = None,
        pieces: Pieces | None = None,
        reference: str = "",
    ) -> Response:
        """Go on to an own path, with a notice to show there."""
        if notice:
            flash = Flash(notice, pieces, reference)
            self._write(notice_cookie(path), flash.packed(), max_age=NOTICE_AGE)
        return self.sealed(
            RedirectResponse(path, status_code=303, headers={"cache-control": "no-store"})
        )

    def sealed(self, response: ResponseT) -> ResponseT:
        """The answer with the cookies of this visit."""
        for name, (value, max_age) in self._set.items():
            self._shop.cookies.write(response, name, value, max_age=max_age)
        for name in self._dropped:
            self._shop.cookies.drop(response, name)
        return response

    async def close(self) -> None:
        if self._count is not None:
            self._count.cancel()
            with suppress(asyncio.CancelledError, RenewedElsewhere):
                await self._count

    async def _count_or_none(self) -> int | None:
        async def count(bearer: str | None) -> int | None:
            return 0 if bearer is None else await self._shop.storefront.cart_count(bearer)

        try:
            return await self.as_caller(count)
        except (SignedOut, UpstreamError):
            return None

    def flash(self) -> Flash | None:
        """What the page before has to say on this one."""
        return Flash.unpacked(self._cookie(notice_cookie(self._path)) or "")

    def _notice(self, goods: Mapping[str, Product], *, outage: bool) -> Notice | None:
        """The notice of the page before, once."""
        flash = self.flash()
        if flash is None:
            return None
        self._drop(notice_cookie(self._path))
        return None if outage and flash.is_outage else notice_of(flash, goods)

    @property
    def _path(self) -> str:
        return cast(str, self._request.scope["path"])

    def _new_form_token(self) -> str:
        token = new_form_token()
        self._write("form", token, max_age=MONTH)
        return token

    def _cookie(self, name: str) -> str | None:
        return self._shop.cookies.read(self._request, name)

    def _write(self, name: str, value: str, *, max_age: int) -> None:
        self._dropped.discard(name)
        self._set[name] = (value, max_age)

    def _drop(self, name: str) -> None:
        self._set.pop(name, None)
        self._dropped.add(name)


async def visit(request: Request, shop: CurrentShop) -> Visit:
    return Visit(request, shop)


async def page_visit(request: Request, shop: CurrentShop) -> AsyncIterator[Visit]:
    """A visit whose page shows the number of things in the cart."""
    current = Visit(request, shop)
    current.expect_count()
    try:
        yield current
    finally:
        await current.close()


CurrentVisit = Annotated[Visit, Depends(visit)]
PageVisit = Annotated[Visit, Depends(page_visit)]


async def is_signed_in(visit: Visit) -> bool:
    """Whether somebody with an account is here, or may be."""
    try:
        await visit.bearer()
    except UpstreamError:
        return True  # nobody can tell: the page will say what is missing
    return visit.signed_in


def client_address(request: Request, shop: Shop) -> str:
    """Where the shopper connects from: user counts tries at passwords, and guests, by it."""
    return shopper_address(
        request.client.host if request.client else "",
        request.headers.getlist(FORWARDED_FOR),
        shop.settings.trusted_proxies,
    )


def notice_cookie(path: str) -> str:
    """The cookie of a page's notice: one a page, because all tabs share one set of cookies."""
    page = unquote(urlsplit(path).path)
    return f"notice-{hashlib.sha256(page.encode(errors='replace')).hexdigest()[:8]}"


def new_form_key() -> str:
    """What makes sending one page's form twice one order, or one add."""
    return secrets.token_urlsafe(18)


def guest_key(form_token: str) -> str:
    """Names the guest that a stranger's forms make; it is as secret as the token."""
    return hashlib.sha256(b"guest\0" + form_token.encode()).hexdigest()

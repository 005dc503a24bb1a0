"""Orders, and where each shipment is."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response

from app.client import UpstreamError
from app.errors import NotFound, Unauthenticated, UnprocessablePayload
from app.telemetry.context import current_context
from services.storefront.clients import RequestDeclined, SignedOut
from services.storefront.dependencies import (
    CurrentLifecycle,
    CurrentShop,
    CurrentVisit,
    PageVisit,
    Shop,
)
from services.storefront.event_streams import relay_events
from services.storefront.idempotency_keys import new_form_key
from services.storefront.models import Order, OrderPage
from services.storefront.page_parts import MissingPart, UpstreamName, failed_upstream
from services.storefront.paths import login_path, order_path
from services.storefront.reorder import SkippedLine, reorder
from services.storefront.view_models.flash_messages import upstream_down
from services.storefront.view_models.order import order_view
from services.storefront.visit.posted_forms import StaleForm
from services.storefront.visit.visit import Visit

router = APIRouter(include_in_schema=False)


class UnknownCursor(UnprocessablePayload):
    """A cursor that tracking never gave out."""

    type = "unknown-cursor"
    title = "No such place in the list"


@router.get("/orders")
async def list_orders(visit: PageVisit, shop: CurrentShop, cursor: str = "") -> Response:
    async def read(bearer: str) -> OrderPage | MissingPart:
        page = await shop.storefront.order_page(bearer, cursor=cursor or None)
        if page is None:
            raise UnknownCursor("The cursor is not one this list gave out.")
        return page

    found = await visit.session.as_account(read)
    if found is None:
        return visit.pages.redirect(login_path(next_path="/orders"), flash="log-in-first")
    if isinstance(found, MissingPart):
        return await visit.pages.show_missing("orders.html", found, here="orders")
    next_path = f"/orders?cursor={found.next_cursor}" if found.next_cursor else None
    shown = [order_view(order) for order in found.items]
    return await visit.pages.show(
        "orders.html", here="orders", orders=shown, next_path=next_path, missing=None
    )


@router.get("/orders/{order_id}")
async def show_order(order_id: str, visit: PageVisit, shop: CurrentShop) -> Response:
    order = await _find(visit, shop, order_id)
    return await _order_page(visit, order) if isinstance(order, Order) else order


@router.post("/orders/{order_id}/again")
async def order_again(order_id: str, visit: CurrentVisit, shop: CurrentShop) -> Response:
    """Put what was ordered in the cart once more, as far as it is still sold."""
    fields = await _read_form(visit, order_id)
    order = await _find(visit, shop, order_id)
    if not isinstance(order, Order):
        return order
    # The page's key: pressed twice is added once.
    key = fields.get("again_key", "") or new_form_key()

    async def add(bearer: str) -> Sequence[SkippedLine]:
        return await reorder(shop.storefront, bearer, order, key=key)

    try:
        skipped = await visit.session.as_guest_or_account(add)
    except SignedOut:
        return _log_in_first(visit, order_id)
    except UpstreamError as error:
        return _nothing_done(visit, order_id, failed_upstream(error, called="cart"))
    if skipped:
        return await _order_page(visit, order, skipped=skipped)
    return visit.pages.redirect("/cart", flash="again")


@router.get("/orders/{order_id}/again")
async def back_to_the_order(order_id: str, visit: CurrentVisit) -> Response:
    """For a reload of the page that lists what could not be put in the cart."""
    return visit.pages.redirect(order_path(order_id))


@router.get("/orders/{order_id}/cancel")
async def confirm_cancelling(order_id: str, visit: PageVisit, shop: CurrentShop) -> Response:
    order = await _find(visit, shop, order_id)
    if not isinstance(order, Order):
        return order
    view = order_view(order)
    if not view.is_cancellable:
        return visit.pages.redirect(view.path, flash="not-cancelled")
    return await visit.pages.show("cancel_order.html", here="orders", order=view)


@router.post("/orders/{order_id}/cancel")
async def cancel_order(order_id: str, visit: CurrentVisit, shop: CurrentShop) -> Response:
    await _read_form(visit, order_id)

    async def cancel(bearer: str) -> None:
        await shop.storefront.orders.cancel(bearer, order_id)

    try:
        await visit.session.as_guest_or_account(cancel)
    except SignedOut:
        return _log_in_first(visit, order_id)
    except RequestDeclined as declined:
        if declined.status == 409:
            return visit.pages.redirect(order_path(order_id), flash="not-cancelled")
        raise _no_such_order() from declined
    except UpstreamError as error:
        return _nothing_done(visit, order_id, failed_upstream(error, called="tracking"))
    return visit.pages.redirect(order_path(order_id), flash="cancelled")


@router.get("/orders/{order_id}/events")
async def order_events(
    order_id: str,
    request: Request,
    visit: CurrentVisit,
    shop: CurrentShop,
    lifecycle: CurrentLifecycle,
) -> Response:
    """What happens to the order, as it happens, for the page's own script."""
    bearer = await visit.session.bearer()
    if bearer is None:
        raise Unauthenticated("Log in to follow an order.")
    events = await relay_events(
        shop.upstreams["tracking"],
        f"/v1{order_path(order_id)}/events",
        headers={"last-event-id": request.headers.get("last-event-id", "")},
        bearer=bearer,
        lifecycle=lifecycle,
        streams=shop.event_streams,
    )
    return visit.with_cookies(events)


async def _read_form(visit: Visit, order_id: str) -> Mapping[str, str]:
    """The posted form. A stale one leads back to the order."""
    try:
        return await visit.forms.read()
    except StaleForm as stale:
        raise stale.leading_to(order_path(order_id)) from None


async def _find(visit: Visit, shop: Shop, order_id: str) -> Order | Response:
    """The caller's order, or the response that takes its place. Raises `NotFound`."""

    async def read(bearer: str) -> Order | MissingPart:
        order = await shop.storefront.order(bearer, order_id)
        if order is None:
            raise _no_such_order()
        return order

    found = await visit.session.as_account(read)
    if found is None:
        return _log_in_first(visit, order_id)
    if isinstance(found, MissingPart):
        return await visit.pages.show_missing("order.html", found, here="orders", order=None)
    return found


async def _order_page(
    visit: Visit, order: Order, *, skipped: Sequence[SkippedLine] = ()
) -> Response:
    return await visit.pages.show(
        "order.html",
        here="orders",
        order=order_view(order),
        skipped_lines=skipped,
        again_key=new_form_key(),
        missing=None,
    )


def _log_in_first(visit: Visit, order_id: str) -> Response:
    path = login_path(next_path=order_path(order_id))
    return visit.pages.redirect(path, flash="log-in-first")


def _nothing_done(visit: Visit, order_id: str, failed: UpstreamName) -> Response:
    flash = upstream_down(failed, reference=current_context().request_id)
    return visit.pages.redirect(order_path(order_id), flash=flash)


def _no_such_order() -> NotFound:
    return NotFound("There is no such order in your account.")

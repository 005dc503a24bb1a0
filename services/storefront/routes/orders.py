"""Orders, and where the parcel is."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request

from app.client import UpstreamError
from app.errors import NotFound, Unauthenticated, UnprocessablePayload
from app.telemetry.context import current_context
from services.storefront import order_view
from services.storefront.clients import NO_SUCH, Refusal, SignedOut
from services.storefront.dependencies import (
    CurrentLifecycle,
    CurrentShop,
    CurrentVisit,
    PageVisit,
    Shop,
    StaleForm,
    Visit,
    new_form_key,
)
from services.storefront.models import Order, OrderPage
from services.storefront.service import (
    ORDERS_A_PAGE,
    LeftOut,
    Neighbour,
    Outage,
    missing_neighbour,
)
from services.storefront.streams import relayed_events

router = APIRouter(include_in_schema=False)


class UnknownCursor(UnprocessablePayload):
    """A place in the list that the order desk never gave out."""

    type = "unknown-cursor"
    title = "No such place in the list"


@router.get("/orders")
async def list_orders(visit: PageVisit, shop: CurrentShop, cursor: str = "") -> Any:
    async def page_of(bearer: str) -> OrderPage:
        try:
            return await shop.storefront.orders.list(
                bearer, cursor=cursor or None, limit=ORDERS_A_PAGE
            )
        except Refusal as refusal:
            if refusal.status != 422:
                raise
            raise UnknownCursor("The cursor is not one this list gave out.") from refusal

    async def read(bearer: str) -> OrderPage | Outage:
        return await shop.storefront.attempt("tracking", page_of(bearer))

    found = await visit.as_account(read)
    if found is None:
        return visit.redirect("/login?next=/orders", notice="log-in-first")
    if isinstance(found, Outage):
        return await visit.outage("orders.html", found, here="orders")
    more = f"/orders?cursor={found.next_cursor}" if found.next_cursor else None
    shown = [order_view.order_view(order) for order in found.items]
    return await visit.page(
        "orders.html", here="orders", orders=shown, next_path=more, missing=None
    )


@router.get("/orders/{order_id}")
async def show_order(order_id: str, visit: PageVisit, shop: CurrentShop) -> Any:
    found = await _find(visit, shop, order_id)
    return await _order_page(visit, found) if isinstance(found, Order) else found


@router.post("/orders/{order_id}/again")
async def order_again(order_id: str, visit: CurrentVisit, shop: CurrentShop) -> Any:
    """Put what was ordered in the cart once more, as far as it is still sold."""
    form = await _form(visit, order_id)
    order = await _find(visit, shop, order_id)
    if not isinstance(order, Order):
        return order
    # The page's key: pressed twice is added once.
    key = form.get("again_key", "") or new_form_key()

    async def add(bearer: str) -> Sequence[LeftOut]:
        return await shop.storefront.order_again(bearer, order, key=key)

    path = order_view.order_path(order_id)
    try:
        left_out = await visit.as_somebody(add)
    except SignedOut:
        return visit.redirect(f"/login?next={path}", notice="log-in-first")
    except UpstreamError as error:
        return _nothing_done(visit, path, missing_neighbour(error, asked="cart"))
    if left_out:
        return await _order_page(visit, order, left_out=left_out)
    return visit.redirect("/cart", notice="again")


@router.get("/orders/{order_id}/again")
async def back_to_the_order(order_id: str, visit: CurrentVisit) -> Any:
    """For whoever loads the page again that told what could not be put in the cart."""
    return visit.redirect(order_view.order_path(order_id))


@router.get("/orders/{order_id}/cancel")
async def ask_before_cancelling(order_id: str, visit: PageVisit, shop: CurrentShop) -> Any:
    found = await _find(visit, shop, order_id)
    if not isinstance(found, Order):
        return found
    order = order_view.order_view(found)
    if not order.cancellable:
        return visit.redirect(order.path, notice="not-cancelled")
    return await visit.page("cancel.html", here="orders", order=order)


@router.post("/orders/{order_id}/cancel")
async def cancel_order(order_id: str, visit: CurrentVisit, shop: CurrentShop) -> Any:
    await _form(visit, order_id)
    path = order_view.order_path(order_id)

    async def cancel(bearer: str) -> None:
        await shop.storefront.orders.cancel(bearer, order_id)

    try:
        await visit.as_somebody(cancel)
    except SignedOut:
        return visit.redirect(f"/login?next={path}", notice="log-in-first")
    except Refusal as refusal:
        if refusal.status == 409:
            return visit.redirect(path, notice="not-cancelled")
        raise NotFound("There is no such order in your account.") from refusal
    except UpstreamError as error:
        return _nothing_done(visit, path, missing_neighbour(error, asked="tracking"))
    return visit.redirect(path, notice="cancelled")


@router.get("/orders/{order_id}/events")
async def order_events(
    order_id: str,
    request: Request,
    visit: CurrentVisit,
    shop: CurrentShop,
    lifecycle: CurrentLifecycle,
) -> Any:
    """What happens to the order, as it happens, for the page's own script."""
    bearer = await visit.bearer()
    if bearer is None:
        raise Unauthenticated("Log in to follow an order.")
    return visit.sealed(
        await relayed_events(
            shop.upstreams["tracking"],
            f"/v1{order_view.order_path(order_id)}/events",
            headers={"last-event-id": request.headers.get("last-event-id", "")},
            bearer=bearer,
            lifecycle=lifecycle,
            streams=shop.streams,
        )
    )


def _nothing_done(visit: Visit, path: str, missing: Neighbour) -> Any:
    return visit.redirect(path, notice=f"{missing}-down", reference=current_context().request_id)


async def _form(visit: Visit, order_id: str) -> Mapping[str, str]:
    """The posted form. A stale one leads back to the order."""
    try:
        return await visit.form()
    except StaleForm as stale:
        raise stale.leading_to(order_view.order_path(order_id)) from None


async def _order_page(visit: Visit, order: Order, *, left_out: Sequence[LeftOut] = ()) -> Any:
    return await visit.page(
        "order.html",
        here="orders",
        order=order_view.order_view(order),
        left_out=left_out,
        again_key=new_form_key(),
        missing=None,
    )


async def _find(visit: Visit, shop: Shop, order_id: str) -> Order | Any:
    """The caller's order, or the answer that takes its place. Raises `NotFound`."""

    async def find(bearer: str) -> Order:
        try:
            return await shop.storefront.orders.find(bearer, order_id)
        except Refusal as refusal:
            if refusal.status in NO_SUCH:
                raise NotFound("There is no such order in your account.") from refusal
            raise

    async def read(bearer: str) -> Order | Outage:
        return await shop.storefront.attempt("tracking", find(bearer))

    found = await visit.as_account(read)
    if found is None:
        path = order_view.order_path(order_id)
        return visit.redirect(f"/login?next={path}", notice="log-in-first")
    if isinstance(found, Outage):
        return await visit.outage("order.html", found, here="orders", order=None)
    return found

"""Stores orders, their events and leases in SQLite or Postgres, with the same SQL.

A change of an order is one conditional update. It names the version it was based on, and writes
the event and the log line that belong to it in the same transaction. A process with an outdated
version gets `OrderChanged` and has changed nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from app.stores.clock import CLOCK_MARGIN, moment
from app.stores.database import Database, retry_conflicts
from app.stores.statements import Connection, Row, Statement
from services.tracking.models import (
    Address,
    CheckoutOutcome,
    IdempotencyRecord,
    LatestOrder,
    Money,
    OrderLine,
    OrderOrigin,
    OrderStatus,
    OutcomeKind,
    OwnersOrders,
    Reason,
    ShipmentEvent,
    ShipmentStatus,
    Step,
    StoredOrder,
)
from services.tracking.statements import (
    COUNT_FAILED_ATTEMPT,
    HOLD_LEASE,
    INSERT_EVENT,
    INSERT_ORDER,
    INSERT_STEP,
    KEEP_OUTCOME,
    SELECT_CONFLICTING_ORDER,
    SELECT_DUE_CHECKOUTS,
    SELECT_DUE_SHIPMENTS,
    SELECT_EVENTS,
    SELECT_FIRST_PAGE,
    SELECT_IDEMPOTENCY_RECORD,
    SELECT_LATEST_SEQUENCES,
    SELECT_NEXT_PAGE,
    SELECT_ORDER,
    SELECT_OWNERS_ORDERS,
    UPDATE_ORDER,
)

MAX_FAILED_ATTEMPTS = 5
"""An order that has failed this often is parked, so that the others go on."""

# The columns `reply_status` and `reply_body` keep an outcome. Earlier versions kept HTTP responses
# in them. Their rows are still read, and their replicas read these rows during an upgrade.
OUTCOME_CODES = {OutcomeKind.CONFIRMED: 201, OutcomeKind.PENDING: 202, OutcomeKind.REFUSED: 409}
OUTCOME_KINDS = {code: kind for kind, code in OUTCOME_CODES.items()}


class OrderChanged(Exception):
    """Another process changed the order since it was read."""


class OrderRepository:
    """Orders, their events and the sweeper's lease. Every method may raise `StoreUnavailable`.

    Times are epoch milliseconds by the store's clock, given by the caller.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @retry_conflicts
    async def add(
        self, order: StoredOrder, *, key: str, payload_hash: str, origin: OrderOrigin, number: int
    ) -> bool:
        """Store a new order. False: there is one with its owner's key, its origin or its number.

        Of concurrent adds one succeeds.
        """
        values = _changeable(order) | {
            "owner": order.owner,
            "key": key,
            "payload_hash": payload_hash,
            "total_amount": order.total.amount,
            "currency": order.total.currency,
            "lines": json.dumps([line.model_dump() for line in order.lines]),
            "address": order.address.model_dump_json(),
            "created_at": order.created_at,
            "number": number,
            **asdict(origin),
        }
        async with self._database.transaction("add_order") as connection:
            if await connection.first(INSERT_ORDER, values) is None:
                return False
            await _log(connection, order, {order.step: "started"}, order.created_at)
        return True

    @retry_conflicts
    async def save(
        self,
        before: StoredOrder,
        after: StoredOrder,
        *,
        now: int,
        due_at: int,
        outcome: CheckoutOutcome | None = None,
    ) -> StoredOrder:
        """Replace ``before`` by ``after``. Returns it with its new version.

        Other processes leave the order alone until ``due_at``. ``outcome`` is kept unless one
        was kept earlier. Raises `OrderChanged`.
        """
        saved = replace(after, version=before.version + 1, due_at=due_at)
        values = _changeable(saved) | {"version": before.version} | _outcome_columns(outcome)
        async with self._database.transaction("save_order") as connection:
            if await connection.first(UPDATE_ORDER, values) is None:
                raise OrderChanged(before.id)
            await _log(connection, saved, _steps_between(before, after), now)
            for event in after.events:
                if event.sequence > before.sequence:
                    await _add_event(connection, after.id, event, now)
        return saved

    @retry_conflicts
    async def keep_outcome(self, order_id: str, outcome: CheckoutOutcome) -> CheckoutOutcome:
        """Keep the outcome that is sent. Returns the first one that was kept."""
        async with self._database.writing("keep_reply") as connection:
            values = {"id": order_id, **_outcome_columns(outcome)}
            (kept,) = await connection.rows(KEEP_OUTCOME, values)
        return _outcome(kept) or outcome

    async def idempotency_record(self, owner: str, key: str) -> IdempotencyRecord | None:
        """What ``owner`` did with this idempotency key; None: nothing yet."""
        values = {"owner": owner, "key": key}
        async with self._database.reading("receipt") as connection:
            row = await connection.first(SELECT_IDEMPOTENCY_RECORD, values)
        if row is None:
            return None
        return IdempotencyRecord(row["id"], row["payload_hash"], _outcome(row))

    async def orders_of(self, owner: str) -> OwnersOrders:
        """What ``owner`` has ordered, as far as the next order depends on it."""
        async with self._database.reading("orders_of_owner") as connection:
            (row,) = await connection.rows(SELECT_OWNERS_ORDERS, {"owner": owner})
        return OwnersOrders(
            latest=_latest(row),
            last_number=row["last_number"] or 0,
            take_may_come=bool(row["take_may_come"]),
        )

    async def conflicting_order(self, owner: str, origin: OrderOrigin) -> str | None:
        """The order, not cancelled, that was made of this cart state or has its number; its id."""
        async with self._database.reading("rival_order") as connection:
            values = {"owner": owner, **asdict(origin)}
            order_id: str | None = await connection.scalar(SELECT_CONFLICTING_ORDER, values)
        return order_id

    async def get(self, order_id: str) -> StoredOrder | None:
        async with self._database.reading("get_order") as connection:
            rows = await connection.rows(SELECT_ORDER, {"id": order_id})
            orders = await _with_events(connection, rows)
        return orders[0] if orders else None

    async def page(
        self, owner: str, *, after: tuple[int, str] | None, limit: int
    ) -> list[StoredOrder]:
        """The owner's orders, newest first, older than ``after`` (created_at, id)."""
        values: dict[str, Any] = {"owner": owner, "limit": limit}
        statement = SELECT_FIRST_PAGE
        if after is not None:
            statement = SELECT_NEXT_PAGE
            values |= {"created_at": after[0], "id": after[1]}
        async with self._database.reading("page_of_orders") as connection:
            rows = await connection.rows(statement, values)
            return await _with_events(connection, rows)

    async def events_after(self, order_id: str, sequence: int) -> list[ShipmentEvent]:
        async with self._database.reading("events") as connection:
            events = await _events(connection, [order_id])
        return [event for event in events.get(order_id, []) if event.sequence > sequence]

    async def latest_sequences(self, order_ids: Sequence[str]) -> Mapping[str, int]:
        """The number of the newest event of each order."""
        async with self._database.reading("sequences") as connection:
            rows = await connection.rows(SELECT_LATEST_SEQUENCES, {"ids": list(order_ids)})
        return {row["id"]: row["sequence"] for row in rows}

    async def due_checkouts(self, *, now: int, latest: int, limit: int) -> list[str]:
        """Ids of the orders whose saga is not done and makes no progress (`StoredOrder.is_due`)."""
        return await self._due(SELECT_DUE_CHECKOUTS, now=now, latest=latest, limit=limit)

    async def due_shipments(self, *, now: int, latest: int, limit: int) -> list[str]:
        """Ids of the orders whose parcel is due to move (`StoredOrder.is_due`)."""
        return await self._due(SELECT_DUE_SHIPMENTS, now=now, latest=latest, limit=limit)

    @retry_conflicts
    async def count_failed_attempt(self, order_id: str, *, due_at: int) -> bool:
        """Count an unexpected error of an order. True: there were too many, it is parked."""
        async with self._database.writing("strike") as connection:
            values = {"id": order_id, "due_at": due_at}
            count: int | None = await connection.scalar(COUNT_FAILED_ATTEMPT, values)
        if count is None:
            raise LookupError(f"there is no order {order_id}")
        return count >= MAX_FAILED_ATTEMPTS

    @retry_conflicts
    async def hold_lease(self, name: str, *, holder: str, now: int, expires_at: int) -> bool:
        """Acquire or renew a lease. False: another replica holds it.

        A lease that expires much later than ``expires_at`` is ignored: a clock that was wrong
        wrote it.
        """
        async with self._database.writing("hold_lease") as connection:
            held = await connection.first(
                HOLD_LEASE,
                {
                    "name": name,
                    "holder": holder,
                    "now": now,
                    "expires_at": expires_at,
                    "latest": expires_at + CLOCK_MARGIN,
                },
            )
        return held is not None

    async def _due(self, statement: Statement, *, now: int, latest: int, limit: int) -> list[str]:
        # Ids only: an order that cannot be read must not hide the others.
        values = {
            "now": now,
            "latest": latest,
            "limit": limit,
            "max_failed_attempts": MAX_FAILED_ATTEMPTS,
            "steps": list(Step),
        }
        async with self._database.reading("due_orders") as connection:
            rows = await connection.rows(statement, values)
        return [row["id"] for row in rows]


def _changeable(order: StoredOrder) -> dict[str, Any]:
    return {
        "id": order.id,
        "status": order.status,
        "step": order.step,
        "version": order.version,
        "reason": order.reason,
        "shipment_status": order.shipment_status,
        "sequence": order.sequence,
        "due_at": order.due_at,
    }


def _outcome_columns(outcome: CheckoutOutcome | None) -> dict[str, Any]:
    if outcome is None:
        return {"reply_status": None, "reply_body": None}
    return {"reply_status": OUTCOME_CODES[outcome.kind], "reply_body": outcome.document}


def _outcome(row: Row) -> CheckoutOutcome | None:
    if row["reply_status"] is None:
        return None
    return CheckoutOutcome(OUTCOME_KINDS[row["reply_status"]], row["reply_body"])


def _latest(row: Row) -> LatestOrder | None:
    if row["id"] is None:
        return None
    origin = OrderOrigin(row["cart_version"], row["cart_updated_at"], row["ordinal"])
    return LatestOrder(row["id"], OrderStatus(row["status"]), origin)


def _steps_between(before: StoredOrder, after: StoredOrder) -> dict[Step, str]:
    """The log of a change: the step that ended and the one that starts."""
    if before.step is after.step:
        return {}
    given_up = before.status is OrderStatus.PENDING and after.status is OrderStatus.CANCELLED
    log = {before.step: "abandoned" if given_up else "done", after.step: "started"}
    log.pop(Step.DONE, None)
    return log


async def _log(
    connection: Connection, order: StoredOrder, log: Mapping[Step, str], at: int
) -> None:
    key = {"order_id": order.id, "version": order.version, "at": at}
    await connection.execute_each(
        INSERT_STEP, [{**key, "step": step, "event": event} for step, event in log.items()]
    )


async def _add_event(connection: Connection, order_id: str, event: ShipmentEvent, at: int) -> None:
    await connection.execute(
        INSERT_EVENT,
        {"order_id": order_id, "sequence": event.sequence, "status": event.status, "at": at},
    )


async def _with_events(connection: Connection, rows: Sequence[Row]) -> list[StoredOrder]:
    if not rows:
        return []
    events = await _events(connection, [row["id"] for row in rows])
    return [_order(row, events.get(row["id"], [])) for row in rows]


async def _events(
    connection: Connection, order_ids: Sequence[str]
) -> dict[str, list[ShipmentEvent]]:
    rows = await connection.rows(SELECT_EVENTS, {"ids": list(order_ids)})
    events: dict[str, list[ShipmentEvent]] = {}
    for row in rows:
        event = ShipmentEvent(
            sequence=row["sequence"], status=ShipmentStatus(row["status"]), at=moment(row["at"])
        )
        events.setdefault(row["order_id"], []).append(event)
    return events


def _order(row: Row, events: Sequence[ShipmentEvent]) -> StoredOrder:
    return StoredOrder(
        id=row["id"],
        owner=row["owner"],
        status=OrderStatus(row["status"]),
        step=Step.parse(row["step"]),
        version=row["version"],
        reason=Reason(row["reason"]) if row["reason"] else None,
        total=Money(amount=row["total_amount"], currency=row["currency"]),
        lines=tuple(OrderLine.model_validate(line) for line in json.loads(row["lines"])),
        address=Address.model_validate_json(row["address"]),
        created_at=row["created_at"],
        due_at=row["due_at"],
        shipment_status=ShipmentStatus(row["shipment_status"]),
        sequence=row["sequence"],
        # The order was read first: a later event belongs to a later version of it.
        events=tuple(event for event in events if event.sequence <= row["sequence"]),
    )

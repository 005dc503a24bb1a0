"""Where orders are kept: one set of SQL for SQLite and Postgres.

Every change of an order is one conditional update: it names the version it was based on and
writes the event and the log line that belong to it in the same transaction. Whoever is late
gets `OrderChanged` and has changed nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import RowMapping, TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.clock import CLOCK_MARGIN, moment
from app.stores.sql import Database
from services.tracking.models import (
    Address,
    Basis,
    LatestOrder,
    Money,
    OrderLine,
    Reason,
    Reply,
    ShipmentEvent,
    ShipmentStatus,
    Status,
    Step,
    StoredOrder,
)
from services.tracking.statements import (
    ADD_STRIKE,
    HOLD_LEASE,
    INSERT_EVENT,
    INSERT_ORDER,
    INSERT_STEP,
    KEEP_REPLY,
    SELECT_EVENTS,
    SELECT_FIRST_PAGE,
    SELECT_LATEST,
    SELECT_NEXT_PAGE,
    SELECT_ORDER,
    SELECT_RECEIPT,
    SELECT_RIVAL,
    SELECT_SEQUENCES,
    SELECT_UNDER_WAY,
    SELECT_UNFINISHED,
    UPDATE_ORDER,
)

# An order that surprises us this often is left alone, so that the others move on.
MAX_STRIKES = 5


class OrderChanged(Exception):
    """Somebody else changed the order since it was read; read it again and decide anew."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is remembered of the checkout that used an idempotency key."""

    order_id: str
    payload_hash: str
    reply: Reply | None


class OrderRepository:
    """Orders, their events and the sweeper's lease. Every method may raise `StoreUnavailable`.

    Times are epoch milliseconds by the store's clock, given by the caller.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, order: StoredOrder, *, key: str, payload_hash: str, basis: Basis) -> bool:
        """Store a new order; False: its owner's key or its basis already has one.

        Of any number of adds at once the store lets one through.
        """
        async with self._database.transaction("add_order") as connection:
            values = _changeable(order) | {
                "owner": order.owner,
                "key": key,
                "payload_hash": payload_hash,
                "total_amount": order.total.amount,
                "currency": order.total.currency,
                "lines": json.dumps([line.model_dump() for line in order.lines]),
                "address": order.address.model_dump_json(),
                "created_at": order.created_at,
                **asdict(basis),
            }
            inserted = await connection.execute(INSERT_ORDER, values)
            if inserted.first() is None:
                return False
            await _log(connection, order, {order.step: "started"}, order.created_at)
        return True

    async def save(
        self,
        before: StoredOrder,
        after: StoredOrder,
        *,
        now: int,
        due_at: int,
        reply: Reply | None = None,
    ) -> StoredOrder:
        """Make ``before`` into ``after``; returns it with its new version.

        Others leave it alone until ``due_at``. ``reply`` is kept unless one was kept earlier.
        Raises `OrderChanged`.
        """
        saved = replace(after, version=before.version + 1, due_at=due_at)
        values = _changeable(saved) | {
            "version": before.version,
            "reply_status": reply.status if reply else None,
            "reply_body": reply.body if reply else None,
        }
        async with self._database.transaction("save_order") as connection:
            updated = await connection.execute(UPDATE_ORDER, values)
            if updated.first() is None:
                raise OrderChanged(before.id)
            await _log(connection, saved, _steps_between(before, after), now)
            for event in after.events:
                if event.sequence > before.sequence:
                    await _add_event(connection, after.id, event, now)
        return saved

    async def keep_reply(self, order_id: str, reply: Reply) -> Reply:
        """Remember what the checkout was answered; returns the first one ever kept."""
        async with self._database.transaction("keep_reply") as connection:
            kept = await connection.execute(
                KEEP_REPLY, {"id": order_id, "status": reply.status, "body": reply.body}
            )
            status, body = kept.one()
        return Reply(status=status, body=body)

    async def receipt(self, owner: str, key: str) -> Receipt | None:
        """What ``owner`` did with this idempotency key; None: nothing yet."""
        async with self._database.reading("receipt") as connection:
            found = await connection.execute(SELECT_RECEIPT, {"owner": owner, "key": key})
            row = found.mappings().first()
        if row is None:
            return None
        reply = None
        if row["reply_status"] is not None:
            reply = Reply(status=row["reply_status"], body=row["reply_body"])
        return Receipt(order_id=row["id"], payload_hash=row["payload_hash"], reply=reply)

    async def latest(self, owner: str) -> LatestOrder | None:
        """The owner's newest order that is not cancelled."""
        async with self._database.reading("latest_order") as connection:
            row = (await connection.execute(SELECT_LATEST, {"owner": owner})).first()
        if row is None:
            return None
        basis = Basis(row.cart_version, row.cart_updated_at, row.ordinal)
        return LatestOrder(row.id, Status(row.status), basis)

    async def rival(self, owner: str, basis: Basis) -> str | None:
        """The id of the order that follows from ``basis``; None: there is none any more."""
        async with self._database.reading("rival_order") as connection:
            found = await connection.execute(SELECT_RIVAL, {"owner": owner, **asdict(basis)})
            return found.scalar_one_or_none()

    async def get(self, order_id: str) -> StoredOrder | None:
        async with self._database.reading("get_order") as connection:
            found = await connection.execute(SELECT_ORDER, {"id": order_id})
            orders = await _with_events(connection, found.mappings().all())
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
            found = await connection.execute(statement, values)
            return await _with_events(connection, found.mappings().all())

    async def events_after(self, order_id: str, sequence: int) -> list[ShipmentEvent]:
        async with self._database.reading("events") as connection:
            events = await _events(connection, [order_id])
        return [event for event in events.get(order_id, []) if event.sequence > sequence]

    async def sequences(self, order_ids: Sequence[str]) -> Mapping[str, int]:
        """The number of the newest event of each order."""
        async with self._database.reading("sequences") as connection:
            found = await connection.execute(SELECT_SEQUENCES, {"ids": list(order_ids)})
            return {row.id: row.sequence for row in found}

    async def unfinished(self, *, now: int, latest: int, limit: int) -> list[str]:
        """Ids of the orders whose saga is not done and stands still (`StoredOrder.is_due`)."""
        return await self._due(SELECT_UNFINISHED, now=now, latest=latest, limit=limit)

    async def under_way(self, *, now: int, latest: int, limit: int) -> list[str]:
        """Ids of the orders whose parcel is due to move (`StoredOrder.is_due`)."""
        return await self._due(SELECT_UNDER_WAY, now=now, latest=latest, limit=limit)

    async def strike(self, order_id: str, *, due_at: int) -> bool:
        """Count a surprise against an order; True: that was one too many, it is parked."""
        async with self._database.transaction("strike") as connection:
            struck = await connection.execute(ADD_STRIKE, {"id": order_id, "due_at": due_at})
            return bool(struck.scalar_one() >= MAX_STRIKES)

    async def hold_lease(self, name: str, *, holder: str, now: int, expires_at: int) -> bool:
        """Take or prolong a lease; False: somebody else holds it.

        One that reaches much farther than ``expires_at`` is held by nobody: a clock that was
        wrong wrote it.
        """
        async with self._database.transaction("hold_lease") as connection:
            held = await connection.execute(
                HOLD_LEASE,
                {
                    "name": name,
                    "holder": holder,
                    "now": now,
                    "expires_at": expires_at,
                    "latest": expires_at + CLOCK_MARGIN,
                },
            )
            return held.first() is not None

    async def _due(self, statement: TextClause, *, now: int, latest: int, limit: int) -> list[str]:
        # Ids only: an order that cannot be read must not hide the ones behind it.
        values = {"now": now, "latest": latest, "limit": limit, "max_strikes": MAX_STRIKES}
        async with self._database.reading("due_orders") as connection:
            found = await connection.execute(statement, values)
            return list(found.scalars())


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


def _steps_between(before: StoredOrder, after: StoredOrder) -> dict[Step, str]:
    """What the log says about a change: the step that ended and the one that starts."""
    if before.step is after.step:
        return {}
    given_up = before.status is Status.PENDING and after.status is Status.CANCELLED
    log = {before.step: "abandoned" if given_up else "done", after.step: "started"}
    log.pop(Step.DONE, None)
    return log


async def _log(
    connection: AsyncConnection, order: StoredOrder, log: Mapping[Step, str], at: int
) -> None:
    for step, event in log.items():
        await connection.execute(
            INSERT_STEP,
            {
                "order_id": order.id,
                "version": order.version,
                "step": step,
                "event": event,
                "at": at,
            },
        )


async def _add_event(
    connection: AsyncConnection, order_id: str, event: ShipmentEvent, at: int
) -> None:
    await connection.execute(
        INSERT_EVENT,
        {"order_id": order_id, "sequence": event.sequence, "status": event.status, "at": at},
    )


async def _with_events(
    connection: AsyncConnection, rows: Sequence[RowMapping]
) -> list[StoredOrder]:
    if not rows:
        return []
    events = await _events(connection, [row["id"] for row in rows])
    return [_order(row, events.get(row["id"], [])) for row in rows]


async def _events(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> dict[str, list[ShipmentEvent]]:
    found = await connection.execute(SELECT_EVENTS, {"ids": list(order_ids)})
    events: dict[str, list[ShipmentEvent]] = {}
    for row in found:
        event = ShipmentEvent(
            sequence=row.sequence, status=ShipmentStatus(row.status), at=moment(row.at)
        )
        events.setdefault(row.order_id, []).append(event)
    return events


def _order(row: RowMapping, events: Sequence[ShipmentEvent]) -> StoredOrder:
    return StoredOrder(
        id=row["id"],
        owner=row["owner"],
        status=Status(row["status"]),
        step=Step(row["step"]),
        version=row["version"],
        reason=Reason(row["reason"]) if row["reason"] else None,
        total=Money(amount=row["total_amount"], currency=row["currency"]),
        lines=tuple(OrderLine.model_validate(line) for line in json.loads(row["lines"])),
        address=Address.model_validate_json(row["address"]),
        created_at=row["created_at"],
        due_at=row["due_at"],
        shipment_status=ShipmentStatus(row["shipment_status"]),
        sequence=row["sequence"],
        # The order was read first: a later event belongs to a state we have not seen.
        events=tuple(event for event in events if event.sequence <= row["sequence"]),
    )

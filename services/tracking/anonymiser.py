"""Makes the orders of deleted accounts name nobody.

It reads on in the list of deleted accounts that `user` keeps, and takes name and address out of
each order of theirs that is over. An order under way needs its address until it is delivered or
cancelled; its owner is looked at again until then.

One replica does it at a time, by a lease. Where it stands is in the store, and every step may be
done twice, so a replica that dies in between leaves nothing undone.
"""

from app.errors import Unavailable
from app.stores.clock import Clock
from app.telemetry.logs import get_logger
from services.tracking.clients import MAX_DELETIONS, UserClient
from services.tracking.deleted_owners import DeletedOwner, DeletedOwners
from services.tracking.metrics import Measures
from services.tracking.repository import OrderRepository

LEASE = "anonymiser"
BATCH = MAX_DELETIONS
LAST_ORDER_AFTER = 60 * 60 * 1000
"""Milliseconds after its deletion in which an account may still order: access tokens outlive it
by a quarter of an hour."""


class Anonymiser:
    """``pace`` is the milliseconds between two looks at an owner, ``lease`` how long nobody else
    works after our last work."""

    def __init__(
        self,
        user: UserClient,
        owners: DeletedOwners,
        orders: OrderRepository,
        *,
        holder: str,
        lease: int,
        pace: int,
        clock: Clock,
        measures: Measures,
    ) -> None:
        self._user = user
        self._owners = owners
        self._orders = orders
        self._holder = holder
        self._lease = lease
        self._pace = pace
        self._clock = clock
        self._measures = measures

    async def work(self) -> None:
        """Go on where somebody stopped, if it is this replica's turn. Raises `Unavailable`."""
        now = self._clock()
        held = await self._orders.hold_lease(
            LEASE, holder=self._holder, now=now, expires_at=now + self._lease
        )
        if not held:
            return
        # First, so that whoever we know of does not wait for a neighbour that is away.
        await self._see_to_all(now)
        await self._read_on()
        await self._see_to_all(now)

    async def _read_on(self) -> None:
        if not await self._read_from(await self._owners.cursor()):
            get_logger().warning("deletions.read_again", why="the cursor is not known any more")
            # Once a turn: one that refuses the cursors it gives would keep us here for ever.
            await self._read_from(None)

    async def _read_from(self, cursor: str | None) -> bool:
        """Read to the end of the list; False if `user` does not know a cursor any more."""
        while (found := await self._user.deletions(cursor, limit=BATCH)) is not None:
            if not found.items:
                return True
            cursor = found.next_cursor
            await self._owners.note(found.items, cursor=cursor)
            if len(found.items) < BATCH:
                return True
        return False

    async def _see_to_all(self, now: int) -> None:
        for owner in await self._owners.due(now=now, limit=BATCH):
            await self._see_to(owner)

    async def _see_to(self, owner: DeletedOwner) -> None:
        now = self._clock()
        left = [
            order_id
            for order_id in await self._owners.naming(owner.owner)
            if not await self._anonymise_safely(order_id)
        ]
        if left or now < owner.deleted_at + LAST_ORDER_AFTER:
            await self._owners.look_again(owner.owner, due_at=now + self._pace)
        else:
            await self._owners.forget(owner.owner)

    async def _anonymise_safely(self, order_id: str) -> bool:
        """Whether it names nobody now. One order's trouble must not become the others'."""
        try:
            order = await self._orders.get(order_id)
            if order is None or not order.is_over:
                return order is None
            await self._owners.anonymise(order, now=self._clock())
        except Unavailable:
            raise
        except Exception:
            get_logger().exception("order.not_anonymised", order=order_id)
            return False
        self._measures.anonymised()
        return True

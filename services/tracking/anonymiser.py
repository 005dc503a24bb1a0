"""Removes name and address from the orders of deleted accounts.

It reads the list of deleted accounts that `user` keeps, and anonymises their orders that are
final. An open order needs its address until it is delivered or cancelled; its owner is checked
again until then.

One replica works at a time, by a lease. Its progress is in the store and every step can be
repeated, so nothing is lost if a replica dies.
"""

from app.errors import Unavailable
from app.stores.clock import Clock
from app.telemetry.logs import get_logger
from services.tracking.clients import MAX_DELETIONS, UserClient
from services.tracking.deleted_owners import DeletedOwner, DeletedOwners
from services.tracking.metrics import OrderMetrics
from services.tracking.repository import OrderRepository

LEASE = "anonymiser"
BATCH_SIZE = MAX_DELETIONS
LAST_ORDER_AFTER = 60 * 60 * 1000
"""Milliseconds after its deletion in which an account can still order: access tokens stay valid
for up to a quarter of an hour."""


class Anonymiser:
    """``interval`` is the time between two checks of an owner, ``lease`` the duration of the
    replica's lease, both in milliseconds."""

    def __init__(
        self,
        user: UserClient,
        owners: DeletedOwners,
        orders: OrderRepository,
        *,
        holder: str,
        lease: int,
        interval: int,
        clock: Clock,
        metrics: OrderMetrics,
    ) -> None:
        self._user = user
        self._owners = owners
        self._orders = orders
        self._holder = holder
        self._lease = lease
        self._interval = interval
        self._clock = clock
        self._metrics = metrics

    async def work(self) -> None:
        """Continue, if this replica has the lease. Raises `Unavailable`."""
        now = self._clock()
        held = await self._orders.hold_lease(
            LEASE, holder=self._holder, now=now, expires_at=now + self._lease
        )
        if not held:
            return
        # First the owners that are known: they need not wait while `user` is unavailable.
        await self._anonymise_due(now)
        await self._read_list()
        await self._anonymise_due(now)

    async def _read_list(self) -> None:
        if not await self._read_from(await self._owners.cursor()):
            get_logger().warning("deletions.read_again", why="the cursor is not known any more")
            # Only once: otherwise a `user` that refuses its own cursors would cause a loop.
            await self._read_from(None)

    async def _read_from(self, cursor: str | None) -> bool:
        """Read to the end of the list. False: `user` does not know a cursor any more."""
        while (found := await self._user.deletions(cursor, limit=BATCH_SIZE)) is not None:
            if not found.items:
                return True
            cursor = found.next_cursor
            await self._owners.remember(found.items, cursor=cursor)
            if len(found.items) < BATCH_SIZE:
                return True
        return False

    async def _anonymise_due(self, now: int) -> None:
        for owner in await self._owners.due(now=now, limit=BATCH_SIZE):
            await self._anonymise_orders(owner)

    async def _anonymise_orders(self, owner: DeletedOwner) -> None:
        now = self._clock()
        left = [
            order_id
            for order_id in await self._owners.orders_to_anonymise(owner.owner)
            if not await self._anonymise_safely(order_id)
        ]
        if left or now < owner.deleted_at + LAST_ORDER_AFTER:
            await self._owners.postpone(owner.owner, due_at=now + self._interval)
        else:
            await self._owners.forget(owner.owner)

    async def _anonymise_safely(self, order_id: str) -> bool:
        """Whether the order is anonymised now. An error of one does not stop the others."""
        try:
            order = await self._orders.get(order_id)
            if order is None or not order.is_final:
                return order is None
            await self._owners.anonymise(order, now=self._clock())
        except Unavailable:
            raise
        except Exception:
            get_logger().exception("order.not_anonymised", order=order_id)
            return False
        self._metrics.anonymised()
        return True

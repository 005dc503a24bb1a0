"""A shop in memory that loses nothing, its concurrent clients, and the history they record.

Every process is a generator that yields how long its next step takes; what it does between two
yields is atomic. Time is simulated. A crash loses a response, and a step that was under way is
done later or never, as behind a real network. `soak` is a history with its books.
"""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cartwheel.consistency import (
    BookedCart,
    BookedOrder,
    Books,
    OrderedLine,
    Payment,
    StockLevel,
)
from loadtest.history import Operation, Outcome

Steps = Generator[float, None, None]
Effect = Callable[[], dict[str, Any]]
"""Returns the output; one with a `problem` says that nothing was changed."""

PRICES = {"MUG": 1250, "LAMP": 4999, "BELL": 799}


@dataclass
class Cart:
    version: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)

    def change(self, lines: Counter[str]) -> None:
        lines = +lines
        if lines != self.lines:
            self.lines = lines
            self.version += 1

    def shown(self) -> dict[str, Any]:
        return {"version": self.version, "lines": dict(self.lines)}


@dataclass
class Order:
    id: str
    owner: str
    key: str
    lines: Mapping[str, int]
    status: str = "pending"
    reason: str | None = None
    holds: bool = False
    gave_back: bool = False
    charged: bool = False

    @property
    def total(self) -> int:
        return sum(PRICES[sku] * quantity for sku, quantity in self.lines.items())

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "status": self.status, "total": self.total}


@dataclass
class Session:
    tokens: list[str]
    over: bool = False


@dataclass
class SimulatedShop:
    """``crashes`` is the share of operations whose response is lost."""

    chance: random.Random
    crashes: float = 0.1
    stock: Counter[str] = field(default_factory=lambda: Counter(MUG=30, LAMP=8, BELL=400))
    carts: dict[str, Cart] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    history: list[Operation] = field(default_factory=list)
    now: float = 0.0
    _queue: list[tuple[float, int, Steps]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, steps: Steps, *, after: float = 0.0) -> None:
        heapq.heappush(self._queue, (self.now + after, next(self._numbers), steps))

    def run(self) -> None:
        while self._queue:
            self.now, _, steps = heapq.heappop(self._queue)
            pause = next(steps, None)
            if pause is not None:
                self.start(steps, after=pause)

    def cart(self, owner: str) -> Cart:
        return self.carts.setdefault(owner, Cart())

    def brief(self) -> float:
        return self.chance.expovariate(100.0)

    def books(self, start: Mapping[str, int]) -> Books:
        return Books(
            stock={sku: StockLevel(count, self.stock[sku]) for sku, count in start.items()},
            orders=[_booked(order) for order in self.orders.values()],
            payments=[
                Payment(
                    each.id, each.total, "charged" if each.status == "confirmed" else "refunded"
                )
                for each in self.orders.values()
                if each.charged
            ],
            carts={owner: BookedCart(**cart.shown()) for owner, cart in self.carts.items()},
        )


def _booked(order: Order) -> BookedOrder:
    lines = {sku: OrderedLine(count, PRICES[sku]) for sku, count in order.lines.items()}
    return BookedOrder(
        order.id, order.owner, order.key, order.status, order.total, lines, order.reason
    )


@dataclass
class Client:
    """One client: an operation at a time, on the carts, orders and sessions of some owners."""

    shop: SimulatedShop
    number: int
    owners: list[str]
    operations: int
    tokens: dict[str, str] = field(default_factory=dict)

    def run(self) -> Steps:
        yield self.shop.brief()
        for _ in range(self.operations):
            yield from self._act()
            yield self.shop.brief()

    def _act(self) -> Steps:
        chance = self.shop.chance
        owner = chance.choice(self.owners)
        acts = {
            self._add: 8, self._read: 4, self._set: 1, self._remove: 1, self._clear: 1,
            self._merge: 1, self._check_out: 4, self._read_stock: 3, self._restock: 1,
            self._look_after_order: 3, self._session: 3,
        }  # fmt: skip
        (act,) = chance.choices(list(acts), list(acts.values()))
        yield from act(owner)

    def _request(
        self, object: str, call: str, input: Mapping[str, Any], effect: Effect
    ) -> Generator[float, None, Mapping[str, Any]]:
        """An operation with one effect. Returns its output; that of a crash is lost."""
        shop, called_at = self.shop, self.shop.now
        if shop.chance.random() < shop.crashes:
            if shop.chance.random() < 0.5:
                shop.start(_later(effect), after=shop.chance.choice((shop.brief(), 0.5)))
            yield shop.brief()
            self._record(object, call, input, {}, Outcome.UNKNOWN, called_at)
            return {}
        yield shop.brief()
        output = effect()
        yield shop.brief()
        outcome = Outcome.REFUSED if "problem" in output else Outcome.OK
        self._record(object, call, input, output, outcome, called_at)
        return output

    def _record(
        self,
        object: str,
        call: str,
        input: Mapping[str, Any],
        output: Mapping[str, Any],
        outcome: Outcome,
        called_at: float,
    ) -> None:
        self.shop.history.append(
            Operation(self.number, object, call, input, output, outcome, called_at, self.shop.now)
        )

    def _add(self, owner: str) -> Steps:
        sku, quantity = self._sku(), self.shop.chance.randint(1, 3)
        input: dict[str, Any] = {"sku": sku, "quantity": quantity}
        if self.shop.chance.random() < 0.4:
            input["key"] = f"k{self.shop.chance.randint(1, 5)}-{sku}-{quantity}"

        def add() -> dict[str, Any]:
            cart = self.shop.cart(owner)
            if input.get("key") in cart.keys:
                return cart.shown()
            if cart.lines[sku] + quantity > 99:
                return {"problem": "cart-limit"}
            cart.change(cart.lines + Counter({sku: quantity}))
            if "key" in input:
                cart.keys.add(input["key"])
            return cart.shown()

        yield from self._request(f"cart/{owner}", "add", input, add)

    def _change(
        self, owner: str, call: str, input: dict[str, Any], change: Callable[[Counter[str]], None]
    ) -> Steps:
        def apply() -> dict[str, Any]:
            cart = self.shop.cart(owner)
            lines = cart.lines.copy()
            change(lines)
            cart.change(lines)
            return cart.shown()

        yield from self._request(f"cart/{owner}", call, input, apply)

    def _read(self, owner: str) -> Steps:
        yield from self._change(owner, "read", {}, lambda lines: None)

    def _set(self, owner: str) -> Steps:
        sku, quantity = self._sku(), self.shop.chance.randint(1, 5)
        input = {"sku": sku, "quantity": quantity}
        yield from self._change(
            owner, "set", input, lambda lines: lines.update({sku: quantity - lines[sku]})
        )

    def _remove(self, owner: str) -> Steps:
        sku = self._sku()
        yield from self._change(owner, "remove", {"sku": sku}, lambda lines: lines.pop(sku, None))

    def _clear(self, owner: str) -> Steps:
        if self.shop.chance.random() < 0.5:
            yield from self._change(owner, "clear", {}, lambda lines: lines.clear())

    def _merge(self, owner: str) -> Steps:
        guest = f"guest-of-{owner}"
        yield from self._add(guest)

        def merge() -> dict[str, Any]:
            cart, other = self.shop.cart(owner), self.shop.cart(guest)
            both = cart.lines + other.lines
            cart.change(Counter({sku: min(count, 99) for sku, count in both.items()}))
            other.change(Counter())
            return cart.shown()

        yield from self._request(f"cart/{owner}", "merge", {"from": guest}, merge)

    def _read_stock(self, _: str) -> Steps:
        sku = self._sku()
        yield from self._request(
            f"stock/{sku}", "read", {}, lambda: {"available": self.shop.stock[sku]}
        )

    def _restock(self, _: str) -> Steps:
        if self.shop.chance.random() < 0.8:
            return

        def restock() -> dict[str, Any]:
            self.shop.stock["LAMP"] = 9
            return {"available": 9}

        yield from self._request("stock/LAMP", "restock", {"available": 9}, restock)

    def _check_out(self, owner: str) -> Steps:
        shop, called_at = self.shop, self.shop.now
        key = f"key-{self.number}-{len(shop.history)}"
        lines = dict(shop.cart(owner).lines)
        if not lines:
            return
        expected = sum(PRICES[sku] * count for sku, count in lines.items())
        input = {"expected_total": expected, "lines": lines}
        yield shop.brief()
        order = _made_order(shop, owner, key, expected)
        if order is None:
            refused = {"problem": "quote-changed"}
            self._record(
                f"order/{owner}/{key}", "place", input, refused, Outcome.REFUSED, called_at
            )
            return
        saga = _saga(shop, order)
        lost = shop.chance.random() < shop.crashes
        if lost or shop.chance.random() < 0.1:
            shop.start(saga, after=shop.chance.choice((0.0, 1.0)))
            yield shop.brief()
        else:
            yield from saga
        outcome, output = Outcome.OK, order.shown()
        if lost:
            outcome, output = Outcome.UNKNOWN, {}
        elif order.status == "cancelled":
            outcome, output = Outcome.REFUSED, {"problem": "checkout-failed"}
        self._record(f"order/{owner}/{key}", "place", input, output, outcome, called_at)

    def _look_after_order(self, owner: str) -> Steps:
        mine = [each for each in self.shop.orders.values() if each.owner == owner]
        if not mine:
            return
        order = self.shop.chance.choice(mine)
        name = f"order/{owner}/{order.key}"
        if self.shop.chance.random() < 0.7:
            yield from self._request(
                name, "read", {}, lambda: order.shown() | {"lines": dict(order.lines)}
            )
            return

        yield from self._cancel(order)

    def _cancel(self, order: Order) -> Steps:
        """The response comes when everything was given back, or is lost."""
        shop, called_at = self.shop, self.shop.now
        yield shop.brief()
        undoing = _cancellation(shop, order)
        lost = shop.chance.random() < shop.crashes
        if lost:
            shop.start(undoing, after=shop.chance.choice((0.0, 1.0)))
            yield shop.brief()
        else:
            yield from undoing
        outcome = Outcome.UNKNOWN if lost else Outcome.OK
        output = {} if lost else order.shown() | {"done": order.gave_back}
        self._record(f"order/{order.owner}/{order.key}", "cancel", {}, output, outcome, called_at)

    def _session(self, owner: str) -> Steps:
        """The client goes on with the last token that it was given, even if a refresh was lost."""
        shop, name = self.shop, f"session/{owner}-{self.number}"
        token = self.tokens.get(name)
        if token is None:
            token = f"t{self.number}-{len(shop.history)}"

            def log_in() -> dict[str, Any]:
                shop.sessions[token] = Session([token])
                return {"token": token}

            output = yield from self._request(name, "login", {}, log_in)
        else:
            call = shop.chance.choice(("use", "use", "refresh", "logout"))
            effect = _session_call(shop, token, call)
            output = yield from self._request(name, call, {"token": token}, effect)
        if "problem" in output:
            del self.tokens[name]
        elif "token" in output:
            self.tokens[name] = output["token"]

    def _sku(self) -> str:
        return self.shop.chance.choice(list(PRICES))


def _later(effect: Effect) -> Steps:
    effect()
    yield from ()


def _session_call(shop: SimulatedShop, token: str, call: str) -> Effect:
    session = shop.sessions[token]

    def effect() -> dict[str, Any]:
        reused = call == "refresh" and token != session.tokens[-1]
        if session.over or reused:
            session.over = True
            return {"problem": "session-over"}
        if call == "refresh":
            session.tokens.append(f"{token}+")
            shop.sessions[session.tokens[-1]] = session
            return {"token": session.tokens[-1]}
        session.over = call == "logout"
        return {} if session.over else {"token": token}

    return effect


def _made_order(shop: SimulatedShop, owner: str, key: str, expected: int) -> Order | None:
    """An order of what is in the cart; None while another is not done, or for another total."""
    lines = dict(shop.cart(owner).lines)
    order = Order(f"ord-{len(shop.orders)}", owner, key, lines)
    under_way = any(
        each.owner == owner
        and (each.status == "pending" or (each.status == "cancelled" and not each.gave_back))
        for each in shop.orders.values()
    )
    if under_way or order.total != expected:
        return None
    shop.orders[order.id] = order
    return order


def _saga(shop: SimulatedShop, order: Order) -> Steps:
    yield shop.brief()
    if order.status == "pending":
        if any(shop.stock[sku] < count for sku, count in order.lines.items()):
            order.status, order.reason, order.gave_back = "cancelled", "out-of-stock", True
        else:
            shop.stock.subtract(order.lines)
            order.holds = True
    yield shop.brief()
    if order.status == "pending":
        order.charged = True
    yield shop.brief()
    if order.status == "pending":
        cart = shop.cart(order.owner)
        cart.change(cart.lines - Counter(order.lines))
        yield shop.brief()
    if order.status == "pending":
        order.status = "confirmed"
    yield shop.brief()


def _cancellation(shop: SimulatedShop, order: Order) -> Steps:
    if order.status == "cancelled":
        return
    order.status, order.reason = "cancelled", "shopper"
    yield shop.brief()
    if order.holds:
        shop.stock.update(order.lines)
        order.holds = False
    order.gave_back = True
    yield shop.brief()


def soak(
    seed: int, *, clients: int = 4, owners: int = 3, operations: int = 15, crashes: float = 0.1
) -> tuple[list[Operation], Books]:
    """A correct history and its books; ``operations`` is the number of each client."""
    shop = SimulatedShop(random.Random(seed), crashes)
    start = dict(shop.stock)
    names = [f"owner-{number}" for number in range(owners)]
    for number in range(clients):
        shop.start(Client(shop, number, names, operations).run())
    shop.run()
    return shop.history, shop.books(start)

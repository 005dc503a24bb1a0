"""The scenario `mixed`: all that shoppers do, on all services, through any fault.

Four shoppers belong together: two devices of one account, who share its cart, somebody with an
account of their own, and a guest. Each goes on whatever the responses are. A request with an
idempotency key is repeated until its outcome is known, or, after `MAX_TRIES`, later.
"""

import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from loadtest.access_tokens import as_bearer
from loadtest.history import Outcome
from loadtest.messages import Request, Response, Scenario
from loadtest.outcomes import decides_key, outcome_of
from loadtest.shop_requests import (
    Headers,
    add_to_cart,
    become_guest,
    cancel_order,
    clear_cart,
    list_products,
    log_in,
    log_out,
    look_up,
    merge_cart,
    place_order,
    quantities_in,
    read_account,
    read_cart,
    read_order,
    refresh,
    register,
    remove_line,
    search,
    set_quantity,
    show_product,
    total_of,
)

Steps = Generator[Request, Response, None]
Sent = Generator[Request, Response, Response]

FAMILY = ("shared", "shared", "alone", "")
"""The accounts of shoppers that belong together; the last one is a guest."""
MIN_SHOPPERS, MAX_SHOPPERS = 3 * len(FAMILY), 12 * len(FAMILY)
"""Each account costs a registration and log-ins, which are slow on purpose."""
MAX_TRIES = 12
MAX_UNDECIDED = 4
"""Orders of one shopper whose outcome is not known; with more, no other is placed."""
STEPS_PER_ROUND = 16
"""Few enough for a round to end before its access token does, which is after 15 minutes."""
ROUNDS_OF_A_GUEST = 5
"""New guests are rate-limited by address."""
POPULAR = 4
"""Products that half of all adds are of, so that shoppers compete for them."""
WORDS = ("wheel", "wooden", "duck", "pizza", "red")
MAX_PIECES = 2
MAX_LINES_ORDERED = 4
MAX_REMEMBERED = 8


class _LoggedOut(Exception):
    """A request got a 401, or no session could be opened."""


@dataclass(frozen=True)
class _Checkout:
    key: str
    total: Mapping[str, Any]


@dataclass
class _Session:
    bearer: Headers
    refresh_token: str
    cart: dict[str, int] = field(default_factory=dict)
    """As it was last seen."""

    @classmethod
    def of(cls, opened: Response) -> "_Session":
        tokens = opened.json
        return cls(as_bearer(tokens["access_token"]), tokens["refresh_token"])


class MixedShoppers:
    """The shoppers of one load; call it for the next one.

    What they do follows from their random numbers. Accounts and keys are new in every load.
    """

    def __init__(self) -> None:
        self._load = secrets.token_hex(8)
        self._numbers = count()

    def __call__(self, random: Random) -> Scenario:
        family, member = divmod(next(self._numbers), len(FAMILY))
        name = f"{self._load}-{family}-{member}"
        if not FAMILY[member]:
            return _Guest(name, random).live()
        email = f"mixed-{self._load}-{family}-{FAMILY[member]}@example.com"
        return _Customer(name, random, {"email": email, "password": f"{self._load}-pass"}).live()


def _send(request: Request, *, keyed: bool = False) -> Sent:
    """Send once, or with a key until its outcome is known. Raises `_LoggedOut`."""
    tries_left = MAX_TRIES if keyed else 1
    while True:
        response = yield request
        tries_left -= 1
        if response.status == 401:
            raise _LoggedOut
        if not tries_left or decides_key(response):
            return response


class _Shopper:
    """What guests and customers do."""

    session: _Session

    def __init__(self, name: str, random: Random) -> None:
        self._name = name
        self._random = random
        self._keys = count()
        self._skus: list[str] = []
        self._adds: list[tuple[str, int, str]] = []

    def live(self) -> Scenario:
        raise NotImplementedError

    def _do(self, choices: Mapping[Callable[[], Steps], int]) -> Steps:
        """One of these, by weight."""
        (chosen,) = self._random.choices(list(choices), weights=list(choices.values()))
        yield from chosen()

    def _choices(self) -> dict[Callable[[], Steps], int]:
        return {
            self._browse: 14,
            self._look_at_stock: 8,
            self._add: 28,
            self._set: 8,
            self._remove: 5,
            self._read: 12,
            self._clear: 2,
            self._add_again: 4,
        }

    def _change(self, request: Request, *, keyed: bool = False) -> Steps:
        """A request that is answered with the cart, which is looked at if no answer came."""
        response = yield from _send(request, keyed=keyed)
        if outcome_of(response) is Outcome.UNKNOWN:
            response = yield from _send(read_cart(self.session.bearer))
        if response.ok:
            self.session.cart = dict(quantities_in(response))

    def _browse(self) -> Steps:
        yield Request("/", "GET", "/")
        listed = yield (
            search(self._random.choice(WORDS)) if self._random.random() < 0.4 else list_products()
        )
        if listed.ok:
            self._skus = [one["sku"] for one in listed.json["items"]] or self._skus
        if self._skus:
            yield show_product(self._random.choice(self._skus))

    def _look_at_stock(self) -> Steps:
        if self._skus:
            yield look_up(sorted({self._sku(), self._sku()}))

    def _add(self) -> Steps:
        if not self._skus:
            return
        sku, quantity = self._sku(), self._random.randint(1, MAX_PIECES)
        if self._random.random() < 0.4:
            yield from self._change(add_to_cart(self.session.bearer, sku, quantity=quantity))
            return
        key = self._new_key("add")
        self._adds = [*self._adds, (sku, quantity, key)][-MAX_REMEMBERED:]
        request = add_to_cart(self.session.bearer, sku, quantity=quantity, key=key)
        yield from self._change(request, keyed=True)

    def _add_again(self) -> Steps:
        """With a key that was used already."""
        if self._adds:
            sku, quantity, key = self._random.choice(self._adds)
            request = add_to_cart(self.session.bearer, sku, quantity=quantity, key=key)
            yield from self._change(request, keyed=True)

    def _set(self) -> Steps:
        if sku := self._line():
            quantity = self._random.randint(1, MAX_PIECES)
            yield from self._change(set_quantity(self.session.bearer, sku, quantity))

    def _remove(self) -> Steps:
        if sku := self._line():
            yield from self._change(remove_line(self.session.bearer, sku))

    def _read(self) -> Steps:
        yield from self._change(read_cart(self.session.bearer))

    def _clear(self) -> Steps:
        yield from self._change(clear_cart(self.session.bearer))

    def _sku(self) -> str:
        is_popular = self._random.random() < 0.5
        return self._random.choice(self._skus[:POPULAR] if is_popular else self._skus)

    def _line(self) -> str | None:
        """A line of the cart as it was last seen."""
        return self._random.choice(sorted(self.session.cart)) if self.session.cart else None

    def _new_key(self, use: str) -> str:
        return f"{use}-{self._name}-{next(self._keys):06}"


class _Guest(_Shopper):
    def live(self) -> Scenario:
        while True:
            yield from self._browse()
            guest = yield become_guest()
            if not guest.ok:
                continue
            self.session, self._adds = _Session.of(guest), []
            with suppress(_LoggedOut):
                for _ in range(ROUNDS_OF_A_GUEST * STEPS_PER_ROUND):
                    yield from self._do(self._choices())


class _Customer(_Shopper):
    def __init__(self, name: str, random: Random, account: Mapping[str, str]) -> None:
        super().__init__(name, random)
        self._account = account
        self._undecided: list[_Checkout] = []
        self._decided: list[_Checkout] = []
        self._orders: list[str] = []

    def live(self) -> Scenario:
        while True:
            yield from self._browse()
            with suppress(_LoggedOut):
                guest_token = yield from self._fill_a_guests_cart()
                yield from self._log_in()
                yield from self._stay(guest_token)

    def _log_in(self) -> Steps:
        opened = yield log_in(self._account)
        if opened.status == 401:
            yield register(self._account)
            opened = yield log_in(self._account)
        if not opened.ok:
            raise _LoggedOut
        self.session, self._adds = _Session.of(opened), []

    def _stay(self, guest_token: str) -> Steps:
        """Some rounds in one session, which ends with a log-out or is left open."""
        if guest_token:
            yield from self._change(merge_cart(self.session.bearer, guest_token))
        while True:
            yield from self._decide()
            for _ in range(STEPS_PER_ROUND):
                yield from self._do(self._choices())
            chance = self._random.random()
            if chance < 0.3:
                yield from self._log_out()
            if chance < 0.5:
                return
            used = self.session.refresh_token
            refreshed = yield refresh(used)
            if not refreshed.ok:  # if the token was exchanged, its response is lost
                return
            self.session = _Session.of(refreshed)
            if self._random.random() < 0.3:  # as another tab would; it is refused
                yield refresh(used)

    def _log_out(self) -> Steps:
        """And try what must no longer work."""
        response = yield from _send(log_out(self.session.bearer))
        if response.ok:
            yield read_account(self.session.bearer)
            yield refresh(self.session.refresh_token)

    def _choices(self) -> dict[Callable[[], Steps], int]:
        return {
            **super()._choices(),
            self._check_out: 10,
            self._check_out_again: 3,
            self._cancel: 3,
            self._read_order: 6,
            self._read_account: 2,
        }

    def _fill_a_guests_cart(self) -> Generator[Request, Response, str]:
        """The token of a guest with something in the cart; empty if there is none."""
        if not self._skus or self._random.random() < 0.7:
            return ""
        guest = yield become_guest()
        if not guest.ok:
            return ""
        token: str = guest.json["access_token"]
        for _ in range(self._random.randint(1, 2)):
            request = add_to_cart(as_bearer(token), self._sku(), key=self._new_key("guest"))
            yield from _send(request, keyed=True)
        return token

    def _check_out(self) -> Steps:
        if len(self._undecided) >= MAX_UNDECIDED:
            yield from self._decide()
            return
        yield from self._read()
        if not self.session.cart:
            return
        priced = yield look_up(sorted(self.session.cart))
        if not priced.ok:
            return
        if too_much := self._not_to_be_ordered(priced):
            for sku in too_much:
                yield from self._change(remove_line(self.session.bearer, sku))
            return
        checkout = _Checkout(self._new_key("order"), total_of(self.session.cart, priced))
        self._undecided.append(checkout)
        yield from self._place(checkout)
        if self._random.random() < 0.5:  # so that the stock lasts
            yield from self._cancel()

    def _not_to_be_ordered(self, priced: Response) -> list[str]:
        """Lines that the stock has not enough for, and those beyond a few."""
        cart = self.session.cart
        stock = {item["sku"]: item["available"] for item in priced.json["items"]}
        short = [sku for sku in sorted(cart) if stock.get(sku, 0) < cart[sku]]
        return short or sorted(cart)[MAX_LINES_ORDERED:]

    def _check_out_again(self) -> Steps:
        """With a key that was used already."""
        if self._decided:
            yield from self._place(self._random.choice(self._decided))

    def _decide(self) -> Steps:
        for checkout in list(self._undecided):
            yield from self._place(checkout)

    def _place(self, checkout: _Checkout) -> Steps:
        request = place_order(self.session.bearer, checkout.total, key=checkout.key)
        placed = yield from _send(request, keyed=True)
        if not decides_key(placed):
            return
        if checkout in self._undecided:
            self._undecided.remove(checkout)
            self._decided = [*self._decided, checkout][-MAX_REMEMBERED:]
        if placed.ok:
            self._orders = [*self._orders, placed.json["id"]][-MAX_REMEMBERED:]

    def _cancel(self) -> Steps:
        if self._orders:
            yield from _send(cancel_order(self.session.bearer, self._orders[-1]))

    def _read_order(self) -> Steps:
        if self._orders:
            order = self._random.choice(self._orders)
            yield from _send(read_order(self.session.bearer, order))

    def _read_account(self) -> Steps:
        yield from _send(read_account(self.session.bearer))

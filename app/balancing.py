"""Which replica gets the next request: of two picked at random the one with less to do.

A replica that fails three times in a row is ejected for a while, twice as long each time; it
comes back through a single probing request. At most half are ejected: when all look bad, the
trouble is elsewhere, and the breaker deals with it.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FAILURES_TO_EJECT = 3
EJECTION_SECONDS = 1.0
EJECTION_SECONDS_MAX = 30.0
MAX_EJECTED_SHARE = 0.5


class Replica:
    """One endpoint of a neighbour, and what we lived through with it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.in_flight = 0
        self.failures_in_a_row = 0
        self.ejected = False
        self.ejected_until = float("-inf")
        self.ejections = 0
        self.probing = False

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count a request for as long as it lasts."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


@dataclass(frozen=True, slots=True)
class Turn:
    """A replica's turn to be asked once; `probe` when its return depends on it."""

    replica: Replica
    probe: bool = False


class Balancer:
    """Keeps the replicas of one neighbour and chooses among them."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._endpoints: tuple[str, ...] = ()
        self._replicas: dict[str, Replica] = {}

    def __len__(self) -> int:
        return len(self._replicas)

    def update(self, endpoints: tuple[str, ...]) -> None:
        """Take over the current endpoints; those that stay keep their history."""
        if endpoints == self._endpoints:
            return
        self._endpoints = endpoints
        self._replicas = {url: self._replicas.get(url) or Replica(url) for url in endpoints}

    def pick(self, *, avoid: Replica | None = None) -> Turn | None:
        """Choose a replica, another than `avoid` if there is one; None if there are none.

        What became of it is to be told once through `report`.
        """
        others = [replica for replica in self._replicas.values() if replica is not avoid]
        if not others:
            return Turn(avoid) if avoid and avoid.url in self._replicas else None
        for replica in others:
            if self._may_probe(replica):
                replica.probing = True
                return Turn(replica, probe=True)
        healthy = [replica for replica in others if not replica.ejected]
        return Turn(self._less_loaded(healthy or others))

    def report(self, turn: Turn, *, success: bool | None) -> None:
        """Learn from a turn's outcome; None when it says nothing about the replica."""
        replica = turn.replica
        if turn.probe:
            replica.probing = False
        if success is None:
            return
        if success:
            replica.failures_in_a_row = 0
            replica.ejected = replica.ejected and not turn.probe
            return
        replica.failures_in_a_row += 1
        if turn.probe or self._should_eject(replica):
            self._eject(replica)

    def _less_loaded(self, replicas: list[Replica]) -> Replica:
        pair = self._rng.sample(replicas, k=min(2, len(replicas)))
        return min(pair, key=lambda replica: replica.in_flight)

    def _may_probe(self, replica: Replica) -> bool:
        return replica.ejected and not replica.probing and self._clock() >= replica.ejected_until

    def _should_eject(self, replica: Replica) -> bool:
        if replica.ejected or replica.failures_in_a_row < FAILURES_TO_EJECT:
            return False
        ejected = sum(other.ejected for other in self._replicas.values())
        return ejected + 1 <= MAX_EJECTED_SHARE * len(self._replicas)

    def _eject(self, replica: Replica) -> None:
        now = self._clock()
        if now - replica.ejected_until > EJECTION_SECONDS_MAX:
            replica.ejections = 0  # it was well for long enough: forgiven
        seconds = min(EJECTION_SECONDS * 2**replica.ejections, EJECTION_SECONDS_MAX)
        replica.ejected = True
        replica.ejected_until = now + seconds
        replica.ejections += 1

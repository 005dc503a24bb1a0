"""Which replica gets the next request: power of two choices, with outlier ejection.

Of two replicas picked at random the one with fewer requests in flight is chosen. A replica is
ejected for a while, twice as long each time, when

* it failed three times in a row;
* it let a call time out: once is enough, because every further try would cost seconds;
* it accepted no connection: the address is gone, or not there yet.

It returns through a single probe. At most half of the present replicas are ejected for failures:
when all of them fail the cause is elsewhere, and the circuit breaker handles it. A replica that
has answered no call for a moment is picked last, before the first of them times out.
"""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from app.client.try_result import Outcome

FAILURES_TO_EJECT = 3
EJECTION_SECONDS = 1.0
MAX_EJECTION_SECONDS = 30.0
MAX_EJECTED_SHARE = 0.5
ABSENT_SECONDS = 0.5
MAX_ABSENT_SECONDS = 8.0
"""Trying an address again costs little, and a replica that returns should not wait long."""
MAX_DOUBLINGS = 10
PROBE_WAIT = 5.0
"""Seconds a failed replica waits for an idempotent call as its probe, before any call will do."""
SILENT_AFTER = 0.3
"""Seconds a call may wait before its replica, if it answers no other, is picked last."""


class Replica:
    """One endpoint of an upstream, and its record of requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.in_flight = 0
        self.failures_in_a_row = 0
        self.ejected = False
        self.ejected_until = float("-inf")
        self.ejections = 0
        self.absent = False
        self.probing = False
        self.waiting: dict[Pick, None] = {}
        """Picks without a response yet, the oldest first."""
        self.answered_at = float("-inf")

    def busy(self) -> "Busy":
        """Count a request as in flight within the block."""
        return Busy(self)

    def is_silent(self, now: float) -> bool:
        """Whether a call has waited for long and no other was answered since it began."""
        oldest = next(iter(self.waiting), None)
        if oldest is None or oldest.began_at < self.answered_at:
            return False
        return now - oldest.began_at > SILENT_AFTER


class Busy:
    # A class: a generator costs each try 1 µs more.
    __slots__ = ("_replica",)

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def __enter__(self) -> None:
        self._replica.in_flight += 1

    def __exit__(self, *_: object) -> None:
        self._replica.in_flight -= 1


@dataclass(slots=True, eq=False)
class Pick:
    """The replica chosen for one try; a probe decides whether an ejected replica returns."""

    replica: Replica
    began_at: float
    is_probe: bool = False


class LoadBalancer:
    """Keeps the replicas of one upstream and picks among them."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._endpoints: tuple[str, ...] = ()
        self._replicas: dict[str, Replica] = {}
        self._all: Sequence[Replica] = ()

    def update(self, endpoints: tuple[str, ...]) -> None:
        """Set the current endpoints; those that stay keep their record."""
        if endpoints == self._endpoints:
            return
        self._endpoints = endpoints
        self._replicas = {url: self._replicas.get(url) or Replica(url) for url in endpoints}
        self._all = list(self._replicas.values())

    def count(self, *, exclude: Collection[Replica] = ()) -> int:
        if not exclude:
            return len(self._replicas)
        return sum(replica not in exclude for replica in self._replicas.values())

    def has_healthy_besides(self, pick: Pick) -> bool:
        """Whether a replica other than the picked one is not ejected."""
        return any(not one.ejected for one in self._replicas.values() if one is not pick.replica)

    def pick(
        self,
        *,
        avoid: Replica | None = None,
        exclude: Collection[Replica] = (),
        idempotent: bool = True,
    ) -> Pick | None:
        """Choose a replica; None if there is none.

        `avoid` is chosen only if there is no other, those of `exclude` never. A call that is not
        `idempotent` is not used to probe a replica that failed. Report each pick once.
        """
        others: Sequence[Replica] = self._all
        if exclude or avoid is not None:
            known = [one for one in others if one not in exclude]
            others = [one for one in known if one is not avoid] or known
        if len(others) < 2:
            return self._new_pick(others[0]) if others else None
        for replica in others:
            if replica.ejected and self._may_probe(replica, idempotent=idempotent):
                return self._new_pick(replica)
        return self._new_pick(self._less_loaded(self._healthiest(others)))

    def report(self, pick: Pick, outcome: Outcome | None) -> float | None:
        """Record how a pick ended; None when that says nothing about its replica.

        Returns for how many seconds the replica is ejected, if that was decided now.
        """
        replica = pick.replica
        replica.waiting.pop(pick, None)
        if pick.is_probe:
            replica.probing = False
        if outcome is None:
            return None
        if outcome is Outcome.ABSENT:
            return self._eject(replica, absent=True)
        is_hung = outcome is Outcome.SILENT and pick.began_at >= replica.answered_at
        if outcome is not Outcome.SILENT:
            replica.answered_at = self._clock()
        if outcome is Outcome.SUCCEEDED:
            self._record_success(pick)
            return None
        replica.failures_in_a_row += 1
        is_outlier = is_hung or replica.failures_in_a_row >= FAILURES_TO_EJECT
        if pick.is_probe or (is_outlier and self._may_eject(replica)):
            return self._eject(replica, absent=False)
        return None

    def _new_pick(self, replica: Replica) -> Pick:
        probe = replica.ejected and not replica.probing
        replica.probing = replica.probing or probe
        pick = Pick(replica, self._clock(), probe)
        replica.waiting[pick] = None
        return pick

    def _healthiest(self, replicas: Sequence[Replica]) -> Sequence[Replica]:
        """The healthy ones; if there are none, those that are present; else all."""
        now = self._clock()
        healthy = [one for one in replicas if not one.ejected]
        responding = [one for one in healthy if not one.is_silent(now)]
        return responding or healthy or [one for one in replicas if not one.absent] or replicas

    def _less_loaded(self, replicas: Sequence[Replica]) -> Replica:
        # Not `sample`, which takes 3 µs for two of a few.
        count = len(replicas)
        index = int(self._rng.random() * count)
        step = 1 + int(self._rng.random() * (count - 1))
        one, other = replicas[index], replicas[(index + step) % count]
        return one if one.in_flight <= other.in_flight else other

    def _may_probe(self, replica: Replica, *, idempotent: bool) -> bool:
        if replica.probing:
            return False
        # An absent replica accepts no request, so none can be lost on it.
        wait = 0.0 if idempotent or replica.absent else PROBE_WAIT
        return self._clock() >= replica.ejected_until + wait

    def _may_eject(self, replica: Replica) -> bool:
        if replica.ejected:
            return False
        present = [one for one in self._replicas.values() if not one.absent]
        return sum(one.ejected for one in present) + 1 <= MAX_EJECTED_SHARE * len(present)

    def _record_success(self, pick: Pick) -> None:
        replica = pick.replica
        replica.failures_in_a_row = 0
        if replica.ejected and pick.is_probe:
            replica.ejected = replica.absent = False

    def _eject(self, replica: Replica, *, absent: bool) -> float | None:
        now = self._clock()
        if replica.ejected and now < replica.ejected_until:
            return None  # other calls failed at the same time
        if now - replica.ejected_until > MAX_EJECTION_SECONDS:
            replica.ejections = 0  # it was healthy for long enough
        first, longest = (
            (ABSENT_SECONDS, MAX_ABSENT_SECONDS)
            if absent
            else (EJECTION_SECONDS, MAX_EJECTION_SECONDS)
        )
        seconds: float = min(first * 2 ** min(replica.ejections, MAX_DOUBLINGS), longest)
        replica.ejected = True
        replica.absent = absent
        replica.ejected_until = now + seconds
        replica.ejections += 1
        return seconds

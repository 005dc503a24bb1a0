"""Which replica gets the next request: of two picked at random the one with less to do.

Three kinds of trouble leave a replica out for a while, twice as long each time:

* it failed three times in a row;
* it kept a call waiting until its time was over: the first time is enough, since every further
  try would cost somebody seconds;
* nobody took the connection: an address that is gone, or not there yet.

It comes back through a single probing request. At most half of those who are there are left out
for what they did: when all look bad, the trouble is elsewhere, and the breaker deals with it.
Before the first call's time is over, a replica that answers nobody is asked last.
"""

import random
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

FAILURES_TO_EJECT = 3
EJECTION_SECONDS = 1.0
EJECTION_SECONDS_MAX = 30.0
MAX_EJECTED_SHARE = 0.5
ABSENT_SECONDS = 0.5
ABSENT_SECONDS_MAX = 8.0
"""An address costs nearly nothing to try again, and whoever comes back should not wait long."""
MAX_DOUBLINGS = 10
PROBE_TIMEOUT = 5.0
"""Seconds a replica that failed waits for a call that can be asked again, before any other is
taken to probe it."""
SILENT_AFTER = 0.3
"""Seconds a call may wait before its replica, if it answers nobody else, is asked last."""


class Outcome(StrEnum):
    """What a pick says about its replica."""

    ANSWERED = "answered"
    FAILED = "failed"
    SILENT = "silent"
    ABSENT = "absent"


class Replica:
    """One endpoint of a neighbour, and what we lived through with it."""

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
        """Picks without an answer yet, the oldest first."""
        self.answered_at = float("-inf")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count a request for as long as it lasts."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def is_silent(self, now: float) -> bool:
        """Whether a call waits for long and nobody was answered since it began."""
        oldest = next(iter(self.waiting), None)
        if oldest is None or oldest.began_at < self.answered_at:
            return False
        return now - oldest.began_at > SILENT_AFTER


@dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """The replica chosen for one try; `probe` when its return depends on how the try ends."""

    replica: Replica
    began_at: float
    probe: bool = False


class LoadBalancer:
    """Keeps the replicas of one neighbour and chooses among them."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._endpoints: tuple[str, ...] = ()
        self._replicas: dict[str, Replica] = {}

    def update(self, endpoints: tuple[str, ...]) -> None:
        """Take over the current endpoints; those that stay keep their history."""
        if endpoints == self._endpoints:
            return
        self._endpoints = endpoints
        self._replicas = {url: self._replicas.get(url) or Replica(url) for url in endpoints}

    def count_beside(self, replicas: Collection[Replica]) -> int:
        """How many replicas there are beside these."""
        return sum(replica not in replicas for replica in self._replicas.values())

    def can_spare(self, replica: Replica) -> bool:
        """Whether another one is well."""
        return any(not one.ejected for one in self._replicas.values() if one is not replica)

    def pick(
        self,
        *,
        avoid: Replica | None = None,
        without: Collection[Replica] = (),
        repeatable: bool = True,
    ) -> Pick | None:
        """Choose a replica; None if there are none.

        `avoid` is only chosen if there is no other, those of `without` never. A call that is not
        `repeatable` probes no replica that failed. Tell how the pick went once,
        through `report`.
        """
        known = [one for one in self._replicas.values() if one not in without]
        others = [one for one in known if one is not avoid] or known
        if not others:
            return None
        for replica in others:
            if self._may_probe(replica, repeatable=repeatable):
                return self._new_pick(replica)
        return self._new_pick(self._less_loaded(self._best_of(others)))

    def report(self, pick: Pick, outcome: Outcome | None) -> float | None:
        """Learn from a pick; None when it says nothing about the replica.

        Returns for how many seconds its replica is left out, if that was decided now.
        """
        replica = pick.replica
        replica.waiting.pop(pick, None)
        if pick.probe:
            replica.probing = False
        if outcome is None:
            return None
        if outcome is Outcome.ABSENT:
            return self._leave_out(replica, absent=True)
        is_hung = outcome is Outcome.SILENT and pick.began_at >= replica.answered_at
        if outcome is not Outcome.SILENT:
            replica.answered_at = self._clock()
        if outcome is Outcome.ANSWERED:
            self._forgive(pick)
            return None
        replica.failures_in_a_row += 1
        enough = is_hung or replica.failures_in_a_row >= FAILURES_TO_EJECT
        if pick.probe or (enough and self._may_eject(replica)):
            return self._leave_out(replica, absent=False)
        return None

    def _new_pick(self, replica: Replica) -> Pick:
        probe = replica.ejected and not replica.probing
        replica.probing = replica.probing or probe
        pick = Pick(replica, self._clock(), probe)
        replica.waiting[pick] = None
        return pick

    def _best_of(self, replicas: list[Replica]) -> list[Replica]:
        """Those who are well; else those who are there; else all of them."""
        now = self._clock()
        well = [one for one in replicas if not one.ejected]
        answering = [one for one in well if not one.is_silent(now)]
        return answering or well or [one for one in replicas if not one.absent] or replicas

    def _less_loaded(self, replicas: list[Replica]) -> Replica:
        pair = self._rng.sample(replicas, k=min(2, len(replicas)))
        return min(pair, key=lambda replica: replica.in_flight)

    def _may_probe(self, replica: Replica, *, repeatable: bool) -> bool:
        if not replica.ejected or replica.probing:
            return False
        # An absent one takes nothing, so nothing can be lost on it.
        timeout = 0.0 if repeatable or replica.absent else PROBE_TIMEOUT
        return self._clock() >= replica.ejected_until + timeout

    def _may_eject(self, replica: Replica) -> bool:
        if replica.ejected:
            return False
        present = [one for one in self._replicas.values() if not one.absent]
        return sum(one.ejected for one in present) + 1 <= MAX_EJECTED_SHARE * len(present)

    def _forgive(self, pick: Pick) -> None:
        replica = pick.replica
        replica.failures_in_a_row = 0
        if replica.ejected and pick.probe:
            replica.ejected = replica.absent = False

    def _leave_out(self, replica: Replica, *, absent: bool) -> float | None:
        now = self._clock()
        if replica.ejected and now < replica.ejected_until:
            return None  # others found out at the same time
        if now - replica.ejected_until > EJECTION_SECONDS_MAX:
            replica.ejections = 0  # it was well for long enough: forgiven
        first, longest = (
            (ABSENT_SECONDS, ABSENT_SECONDS_MAX)
            if absent
            else (EJECTION_SECONDS, EJECTION_SECONDS_MAX)
        )
        seconds: float = min(first * 2 ** min(replica.ejections, MAX_DOUBLINGS), longest)
        replica.ejected = True
        replica.absent = absent
        replica.ejected_until = now + seconds
        replica.ejections += 1
        return seconds

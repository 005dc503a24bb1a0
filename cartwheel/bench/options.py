"""What a person chose on the command line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cartwheel.bench.workbench import THIS, Checkout
from cartwheel.errors import UsageError

MIN_ROUNDS, MAX_ROUNDS = 1, 100
MIN_SECONDS, MAX_SECONDS = 0.1, 10.0
MAX_CONNECTIONS = 1024
OWN, BEFORE = "cartwheel", "before"
"""The names of this checkout and of the other one in tables."""


@dataclass(frozen=True)
class Options:
    """How to measure. ``against`` is the other checkout of Cartwheel, if there is one."""

    rounds: int = 7
    seconds: float = 2.0
    connections: int = 64
    variants: Sequence[str] = ()
    against: Checkout | None = None
    state_dir: Path = Path(".cartwheel")

    def __post_init__(self) -> None:
        _check("--rounds", self.rounds, MIN_ROUNDS, MAX_ROUNDS)
        _check("--seconds", self.seconds, MIN_SECONDS, MAX_SECONDS)
        _check("--connections", self.connections, 1, MAX_CONNECTIONS)

    @property
    def checkouts(self) -> Sequence[tuple[str, Checkout]]:
        """This checkout, and the other one as "before"."""
        own = (OWN, THIS)
        return [own] if self.against is None else [(BEFORE, self.against), own]

    def choose(self, names: Iterable[str]) -> list[str]:
        """Those of the names that were chosen; all without a choice. Raises `UsageError`."""
        known = list(names)
        unknown = [name for name in self.variants if name not in known]
        if unknown:
            raise UsageError(f"There is no variant {unknown[0]!r} here: choose {', '.join(known)}.")
        return [name for name in known if name in (self.variants or known)]


def _check(flag: str, value: float, minimum: float, maximum: float) -> None:
    if not minimum <= value <= maximum:
        raise UsageError(f"{flag} {value:g} is not possible: choose {minimum:g} to {maximum:g}.")

"""What a fault in the cluster did, and whether what must hold held."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Claim:
    """Something that must hold: the sentence says what was measured."""

    sentence: str
    held: bool


@dataclass
class Result:
    """One run of a fault. ``figures`` are seconds and counts by name."""

    fault: str
    claims: list[Claim] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def claim(self, sentence: str, held: bool) -> None:
        self.claims.append(Claim(sentence, held))

    @property
    def held(self) -> bool:
        return bool(self.claims) and all(one.held for one in self.claims)


def as_json(results: Sequence[Result]) -> str:
    return json.dumps([{**asdict(one), "held": one.held} for one in results], indent=2)

"""One fault: what it breaks, what one sees, what must hold, and how it ends."""

import shutil
import sys
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cartwheel.errors import UsageError
from cartwheel.local.faults.effects import read_effect
from cartwheel.promql import Query, QueryError, parse_query

ProbeName = Literal["home", "browse", "cart-read", "cart-add", "account", "orders", "checkout"]
Sentence = Annotated[str, Field(min_length=10, max_length=300, pattern=r"^[A-Z].*\.$")]
Seconds = Annotated[float, Field(gt=0, le=60)]
Share = Annotated[float, Field(ge=0, le=1)]
MAX_ROW = 85
STORE_PROCESSES = ("valkey", "postgres")
STORE_EFFECTS = ("hold_store", "store_setting")


class _Strict(BaseModel):
    """Nothing is converted, and a name that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Needs(_Strict):
    """What the shop must be."""

    stores: Literal["any", "sqlite", "real"] = Field(
        default="any", description="The stores of `cartwheel up --stores`."
    )
    chaos: bool = Field(
        default=False, description="Only with `cartwheel up --chaos`: through its TCP proxies."
    )
    platform: Literal["any", "linux"] = Field(
        default="any", description="Where the kernel has what the effect uses."
    )
    programs: list[str] = Field(default=[], description="What must be installed there.")


class Symptom(_Strict):
    """What one sees in a metric of the replicas while the fault lasts."""

    query: str = Field(description="PromQL; its result is one number.", max_length=500)
    above: float | None = Field(default=None, description="It is seen above this value.")
    below: float | None = Field(default=None, description="It is seen below this value.")
    unit: str = Field(default="", description="Of the value, as it is shown after it.")
    sentence: Sentence
    appears_within: Seconds = Field(description="Seconds after the injection.")

    @field_validator("query")
    @classmethod
    def _check_query(cls, text: str) -> str:
        try:
            parse_query(text)
        except QueryError as error:
            raise ValueError(str(error)) from None
        return text

    @model_validator(mode="after")
    def _check_bound(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("needs either above or below")
        return self

    @property
    def parsed(self) -> Query:
        return parse_query(self.query)

    def is_seen(self, value: float) -> bool:
        if self.above is not None:
            return value > self.above
        assert self.below is not None
        return value < self.below


class Hold(_Strict):
    """What one of the probes must see while the fault lasts."""

    probe: ProbeName
    ok_at_least: Share | None = Field(
        default=None, description="The share of requests that must succeed."
    )
    responds_within: Seconds | None = Field(
        default=None, description="Seconds within which every response comes, an error too."
    )

    @model_validator(mode="after")
    def _check_bound(self) -> Self:
        if self.ok_at_least is None and self.responds_within is None:
            raise ValueError("needs ok_at_least, responds_within or both")
        return self


class Fault(_Strict):
    """A fault of the catalogue.

    Whatever the fault, nothing may be lost: all checks of the history are part of each run.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)
    title: str = Field(min_length=5, max_length=70)
    breaks: Sentence = Field(description="What is broken, in one sentence.")
    rows: list[Annotated[int, Field(ge=1, le=MAX_ROW)]] = Field(
        min_length=1, description="The rows of the fault matrix (docs/faults.md) that it is about."
    )
    needs: Needs = Needs()
    inject: list[dict[str, Any]] = Field(
        min_length=1, description="The effects on the shop, in their order."
    )
    seconds: Seconds = Field(description="How long it lasts.")
    symptom: Symptom
    response: Sentence = Field(description="What the shop does about it, in one sentence.")
    holds: list[Hold] = Field(default=[], description="What must hold while it lasts.")
    ends: Sentence = Field(description="How it ends, in one sentence.")
    recovers_within: Seconds = Field(
        description="Seconds from its end (a killed process: from the kill) until the shop is as "
        "before."
    )

    @field_validator("inject")
    @classmethod
    def _check_effects(cls, effects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            for effect in effects:
                read_effect(effect)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return effects

    @property
    def is_instant(self) -> bool:
        """Whether it is over at once: what is killed is started again by the supervisor."""
        return all(effect["effect"] == "kill" for effect in self.inject)

    @property
    def area(self) -> Literal["stores", "network", "processes"]:
        """What kind of thing it breaks first."""
        effect = self.inject[0]
        if "store" in effect or effect["effect"] in STORE_EFFECTS:
            return "stores"
        if effect.get("process") in STORE_PROCESSES or effect.get("resource") == "file_size":
            return "stores"
        return "network" if "edge" in effect else "processes"

    def problem_with(self, stores: str, *, has_chaos: bool = True) -> str | None:
        """Why it cannot be injected in a shop with these stores; None if it can."""
        if self.needs.platform == "linux" and sys.platform != "linux":
            return f"{self.id} needs Linux."
        for program in self.needs.programs:
            if shutil.which(program) is None:
                return f"{self.id} needs {program}, which is not installed."
        if self.needs.stores not in ("any", stores):
            wanted = self.needs.stores
            return (
                f"{self.id} needs a shop with --stores {wanted}, and this one has {stores} stores."
            )
        if self.needs.chaos and not has_chaos:
            return f"{self.id} needs a shop that was started with --chaos, and this one was not."
        return None

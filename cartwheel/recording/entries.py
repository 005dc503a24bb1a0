"""The entries of a recording, and their form as JSON; ``at`` is in seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, TypeAdapter

from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import KedaState
from cartwheel.autoscaling.observation import Observation
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import ControllerOptions, HorizontalPodAutoscalerSpec
from cartwheel.autoscaling.state import State
from cartwheel.mesh import Frame, Mark


@dataclass(frozen=True)
class SessionStarted:
    """An autoscaler begins to work, or what is recorded of it begins.

    ``units`` are words such as ``requests/s`` by the name of a metric. ``manifest`` is the YAML
    that the autoscaler was read from; recordings of older versions have none. ``state`` is what it
    remembers of the time before; None: nothing.
    """

    at: float
    autoscaler: HorizontalPodAutoscalerSpec | ScaledObject
    options: ControllerOptions
    units: Mapping[str, str] = field(default_factory=dict)
    manifest: str = ""
    state: State | KedaState | None = None
    type: Literal["SessionStarted"] = "SessionStarted"


@dataclass(frozen=True)
class Synced:
    """One sync of the autoscaler of that name."""

    at: float
    autoscaler: str
    observation: Observation
    decision: Decision
    type: Literal["Synced"] = "Synced"


@dataclass(frozen=True)
class ReplicasChanged:
    """How many replicas of a service are asked for, have a process, are ready, take requests."""

    at: float
    service: str
    desired: int
    started: int
    ready: int
    serving: int
    type: Literal["ReplicasChanged"] = "ReplicasChanged"


@dataclass(frozen=True)
class AutoscalerChanged:
    """The autoscaler of that name has another manifest from now on.

    What it remembers then, `cartwheel.autoscaling.changes` says.
    """

    at: float
    autoscaler: HorizontalPodAutoscalerSpec | ScaledObject
    units: Mapping[str, str] = field(default_factory=dict)
    manifest: str = ""
    type: Literal["AutoscalerChanged"] = "AutoscalerChanged"


@dataclass(frozen=True)
class Framed:
    """The mesh at one moment."""

    at: float
    frame: Frame
    type: Literal["Framed"] = "Framed"


@dataclass(frozen=True)
class Marked:
    """Something that happened beside the autoscaler's syncs: a load, a fault."""

    at: float
    mark: Mark
    type: Literal["Marked"] = "Marked"


Entry = SessionStarted | AutoscalerChanged | Synced | ReplicasChanged | Framed | Marked

ENTRIES: TypeAdapter[Entry] = TypeAdapter(
    Annotated[Entry, Discriminator("type")],
    # A ratio may be infinite, which JSON has no number for.
    config=ConfigDict(ser_json_inf_nan="strings"),
)

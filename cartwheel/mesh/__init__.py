"""The mesh at one moment, whatever it was read from: the local run, a cluster, a recording."""

from cartwheel.mesh.frame import (
    AutoscalerState,
    Edge,
    FaultState,
    Frame,
    LoadState,
    ReplicaState,
    ServiceState,
    StoreState,
)
from cartwheel.mesh.mark import Mark

__all__ = [
    "AutoscalerState",
    "Edge",
    "FaultState",
    "Frame",
    "LoadState",
    "Mark",
    "ReplicaState",
    "ServiceState",
    "StoreState",
]

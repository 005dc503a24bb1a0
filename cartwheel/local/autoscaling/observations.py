"""What an autoscaler sees of a service's replicas: its pods and its scale."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cartwheel.autoscaling.observation import Pod, Scale
from cartwheel.local.replica_process import Replica, State

Requests = Mapping[str, Mapping[str, int]]


class ScaledReplicas(Protocol):
    """The replicas of one service, as an autoscaler needs them."""

    @property
    def desired(self) -> int: ...

    @property
    def current(self) -> int: ...

    @property
    def replicas(self) -> Sequence[Replica]: ...

    @property
    def ready(self) -> Sequence[Replica]: ...

    def watch(self, on_change: Callable[[], None]) -> None: ...

    async def scale(self, count: int) -> bool: ...


def scale_of(replicas: ScaledReplicas) -> Scale:
    """`spec.replicas` is what was asked for last, `status.replicas` what there is."""
    return Scale(replicas.desired, replicas.current)


def pods_of(replicas: Sequence[Replica], requests: Requests) -> list[Pod]:
    """Each replica as a pod. ``requests`` are those of every pod of the workload."""
    return [_pod(replica, requests) for replica in replicas]


def _pod(replica: Replica, requests: Requests) -> Pod:
    has_run = replica.restarts > 0 or replica.pid is not None
    return Pod(
        replica.name,
        # A pod whose container restarts is Running; it is Pending only before its first start.
        phase="Running" if has_run else "Pending",
        ready=replica.state is State.READY,
        ready_since=replica.readiness_changed_at,
        started_at=replica.created_at,
        is_deleted=replica.is_stopping,
        requests=requests,
    )

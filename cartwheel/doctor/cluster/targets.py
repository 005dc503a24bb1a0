"""What autoscalers scale: it must exist, and no other autoscaler may scale it."""

from collections.abc import Iterator, Mapping, Sequence

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import (
    Target,
    autoscalers,
    name_of,
    pods_of,
    read_workload,
    scaled_object_of,
    target_of,
    workload,
)
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Unseen
from cartwheel.doctor.words import count
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError


def missing_targets(view: ClusterView) -> Iterator[Outcome]:
    for autoscaler in autoscalers(view):
        target = target_of(autoscaler)
        try:
            found = read_workload(view, target)
        except ClusterError as error:
            yield Unseen(f"{target.name}, which {_maker_of(autoscaler)} scales: {error}")
            continue
        if found is None:
            yield Finding(
                about=_maker_of(autoscaler),
                problem=f"it scales {target.name}, and there is none",
                evidence=f"spec.scaleTargetRef names {target.api_version} {target.name}",
                command=view.kubectl("get deployments,statefulsets"),
            )


def shared_targets(view: ClusterView) -> Iterator[Outcome]:
    by_target: dict[Target, list[Json]] = {}
    for autoscaler in autoscalers(view):
        by_target.setdefault(target_of(autoscaler), []).append(autoscaler)
    found = False
    for target, several in by_target.items():
        if len(several) > 1:
            found = True
            yield _shared(view, target, [_maker_of(each) for each in several])
    for one, other in _overlapping(view, by_target):
        found = True
        yield _shared_pods(view, one, other)
    if not found:
        yield Healthy(count(sum(map(len, by_target.values())), "autoscaler"))


def _maker_of(autoscaler: Json) -> str:
    """What a person wrote: the ScaledObject, where KEDA made the autoscaler from it."""
    scaled_object = scaled_object_of(autoscaler)
    return f"scaledobject/{scaled_object}" if scaled_object else name_of(autoscaler)


def _shared(view: ClusterView, target: Target, names: Sequence[str]) -> Finding:
    # Which one is wrong, only a person knows.
    return Finding(
        about=target.name,
        problem=f"{' and '.join(names)} both scale it, so that neither does",
        evidence="spec.scaleTargetRef of each names it; the controller then sets "
        "ScalingActive False, AmbiguousSelector",
        command=view.kubectl("get hpa,scaledobject"),
    )


def _overlapping(
    view: ClusterView, by_target: Mapping[Target, object]
) -> Iterator[tuple[Target, Target]]:
    """Pairs of targets whose selectors match the same pods."""
    pods = {
        target: {pod["metadata"]["name"] for pod in pods_of(view, found)}
        for target in by_target
        if (found := workload(view, target))
    }
    targets = [*pods]
    for index, one in enumerate(targets):
        for other in targets[index + 1 :]:
            if pods[one] & pods[other]:
                yield one, other


def _shared_pods(view: ClusterView, one: Target, other: Target) -> Finding:
    return Finding(
        about=one.name,
        problem=f"its selector matches pods of {other.name} too, and both are scaled",
        evidence="the pods of both selectors overlap; the controller then sets "
        "ScalingActive False, AmbiguousSelector",
        command=view.kubectl(f"get {one.name} {other.name} --output wide"),
    )


MISSING = Check("missing-targets", "autoscalers whose workload is not there", missing_targets)
SHARED = Check(
    "two-autoscalers", "two autoscalers on one workload or on the same pods", shared_targets
)

"""What a cluster shows of one autoscaler at one moment, as the input of a sync."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.metric_sentences import subject
from cartwheel.autoscaling.observation import Observation, Reading, SelectorProblem
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    TargetType,
)
from cartwheel.explain.cluster_autoscalers import is_same_target
from cartwheel.explain.scaled_object_sentences import fallback_failures
from cartwheel.explain.status_sentences import reading_in_status
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.controller_options import options_of
from cartwheel.kubernetes.history import Rescale, rescales
from cartwheel.kubernetes.metrics import needs_pods
from cartwheel.kubernetes.namespaces import NamespaceContents
from cartwheel.kubernetes.pods import condition_of, pod_from_object
from cartwheel.kubernetes.targets import ScaleTarget, TargetMetrics

_SELECTOR_PROBLEMS = ("AmbiguousSelector", "InvalidSelector")


@dataclass(frozen=True)
class ClusterSnapshot:
    """``hpa`` is the object of ``spec`` as the API has it; ``scaled_object`` may be behind it.

    ``arguments`` are those of kube-controller-manager, None if they are not known.
    """

    contents: NamespaceContents
    spec: HorizontalPodAutoscalerSpec
    hpa: Json
    scaled_object: Json | None
    target: ScaleTarget
    metrics: TargetMetrics
    arguments: Sequence[str] | None
    at: float

    @cached_property
    def options(self) -> ControllerOptions:
        return options_of(self.arguments or (), minor_version=self.contents.minor_version)

    @cached_property
    def observation(self) -> Observation | None:
        """None if the scale, the pods or a metric are missing and the status cannot fill in."""
        readings = [self._reading(number, one) for number, one in enumerate(self.metrics.readings)]
        known = [one for one in readings if one is not None]
        pods = self.metrics.pods
        if self.target.scale is None or len(known) < len(readings):
            return None
        if pods is None and any(map(self._needs_pods, range(len(readings)))):
            return None
        is_vertical = self._has_vertical_autoscaler
        return Observation(
            self.at,
            self.target.scale,
            [pod_from_object(pod, has_vertical_autoscaler=is_vertical) for pod in pods or ()],
            known,
            self._selector_problem,
        )

    @cached_property
    def changes(self) -> Sequence[Rescale]:
        """The changes of the count that are still among the events."""
        return rescales(self.contents.events, autoscaler=self.spec.name)

    @property
    def metrics_from_status(self) -> Sequence[str]:
        """The metrics whose values had to be taken from the status."""
        return [
            subject(self.spec.metrics[number])
            for number, one in enumerate(self.metrics.readings)
            if one is None and self._reading(number, one) is not None
        ]

    def with_fallback(self, decision: Decision) -> Decision:
        """The decision, with the metrics marked whose value comes from KEDA's fallback."""
        failures = fallback_failures(self.scaled_object)
        proposals = [
            replace(one, fallback_for=failures.get(one.metric.name))
            if isinstance(one.metric, ExternalMetric)
            else one
            for one in decision.proposals
        ]
        return replace(decision, proposals=proposals)

    def _reading(self, number: int, reading: Reading | None) -> Reading | None:
        if reading is not None or self.target.scale is None:
            return reading
        replicas = self.target.scale.status_replicas
        return reading_in_status(self.hpa, number, self.spec, status_replicas=replicas)

    def _needs_pods(self, number: int) -> bool:
        is_value = self.spec.metrics[number].target.type is TargetType.VALUE
        return is_value or needs_pods(self.hpa["spec"]["metrics"][number])

    @property
    def _has_vertical_autoscaler(self) -> bool:
        return any(
            is_same_target(one["spec"]["targetRef"], self.hpa["spec"]["scaleTargetRef"])
            and (one["spec"].get("updatePolicy") or {}).get("updateMode") != "Off"
            for one in self.contents.vertical_autoscalers
        )

    @property
    def _selector_problem(self) -> SelectorProblem | None:
        """Only the controller knows all selectors of the namespace; it says so in the status."""
        active = condition_of(self.hpa, "ScalingActive")
        if active is None or active["reason"] not in _SELECTOR_PROBLEMS:
            return None
        reason, message = active["reason"], active["message"]
        return SelectorProblem(reason, message, reason, message)

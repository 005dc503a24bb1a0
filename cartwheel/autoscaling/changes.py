"""An autoscaler whose manifest changes while it is at work.

kube-controller-manager keeps what it remembers under the name of the HorizontalPodAutoscaler,
whatever its spec becomes, until the object is deleted. KEDA deletes the one that it makes when the
ScaledObject is paused, and when `horizontalPodAutoscalerConfig.name` changes. What KEDA itself
knows is in the status of the ScaledObject, which no change of the spec touches.

Source: `reconcileKey` in kubernetes `pkg/controller/podautoscaler/horizontal.go`;
`reconcileScaledObject` and `ensureHPAForScaledObjectExists` in kedacore/keda
`controllers/keda/scaledobject_controller.go`.
"""

from dataclasses import replace

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.keda import (
    KedaAutoscaler,
    KedaState,
    generated_autoscaler,
    is_paused,
)
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import HorizontalPodAutoscalerSpec
from cartwheel.autoscaling.state import State

Engine = HorizontalPodAutoscaler | KedaAutoscaler


def changed(engine: Engine, spec: HorizontalPodAutoscalerSpec | ScaledObject) -> Engine:
    """The autoscaler with another manifest; it remembers what a cluster's would.

    Raises `UnsupportedError` for a ScaledObject with a formula.
    """
    if not isinstance(spec, ScaledObject):
        return HorizontalPodAutoscaler(spec, engine.options, _kept(engine, spec))
    hpa = State() if is_paused(spec.pause) else _kept(engine, generated_autoscaler(spec))
    before = engine.state
    keda = before if isinstance(before, KedaState) else KedaState()
    return KedaAutoscaler(spec, engine.options, replace(keda, hpa=hpa))


def _kept(engine: Engine, spec: HorizontalPodAutoscalerSpec) -> State:
    """What the controller remembers under the name of this autoscaler."""
    before = engine.hpa if isinstance(engine, KedaAutoscaler) else engine.spec
    if (before.namespace, before.name) != (spec.namespace, spec.name):
        return State()
    state = engine.state
    return state.hpa if isinstance(state, KedaState) else state

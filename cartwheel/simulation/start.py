"""How a simulation begins: with the replicas that the first rate of the load needs."""

from collections.abc import Sequence

from cartwheel.autoscaling.keda import generated_autoscaler
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    HorizontalPodAutoscalerSpec,
    ResourceMetric,
)
from cartwheel.errors import UsageError
from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.controllers import engine_controller, observer_of
from cartwheel.simulation.load_shape import LoadShape
from cartwheel.simulation.metrics import Metrics
from cartwheel.simulation.quick_controller import QuickController, is_simple
from cartwheel.simulation.simulation import Controller, Simulation
from cartwheel.simulation.workload import Workload

# With more syncs the quick path decides, without sentences.
MAX_EXPLAINED_SYNCS = 20_000
# The count of the start is found by so many syncs under the first rate.
SETTLING_SYNCS = 60
# A year of a sync each 15 s, and some.
MAX_SYNCS = 3_000_000


def start(
    spec: Autoscaler,
    shape: LoadShape,
    assumed: Assumptions,
    *,
    replicas: int | None = None,
    is_quick: bool | None = None,
) -> Simulation:
    """A simulation at its beginning.

    It has ``replicas``, or as many as the autoscaler would have settled on. ``is_quick`` None:
    only a long load takes the quick path. Raises `UsageError` for metrics that the model lacks, a
    load with too many syncs, and a count that the autoscaler would not leave.
    """
    syncs = (shape.end - shape.start) / assumed.sync
    if syncs > MAX_SYNCS:
        raise UsageError(f"The load takes more than {MAX_SYNCS:,} syncs: shorten it.")
    if replicas == 0 and not isinstance(spec, ScaledObject):
        raise UsageError(f"{spec.name}: at 0 replicas a HorizontalPodAutoscaler is disabled.")
    if is_quick is None:
        is_quick = syncs > MAX_EXPLAINED_SYNCS
    if replicas is None:
        replicas = _settled(spec, shape, assumed)
    return _simulation(spec, shape, assumed, replicas, is_quick=is_quick)


def _settled(spec: Autoscaler, shape: LoadShape, assumed: Assumptions) -> int:
    before = LoadShape([shape.start - SETTLING_SYNCS * assumed.sync], [shape.rates[0]], shape.start)
    first = max(spec.min_replicas, 1)
    simulation = _simulation(spec, before, assumed, first, is_quick=False)
    while not simulation.is_over:
        simulation.step()
    return len(simulation.workload.replicas)


def _simulation(
    spec: Autoscaler, shape: LoadShape, assumed: Assumptions, replicas: int, *, is_quick: bool
) -> Simulation:
    workload = Workload(shape, assumed, replicas=replicas)
    metrics = Metrics(workload, assumed, _containers(spec))
    options = ControllerOptions(sync_period=assumed.sync)
    controller: Controller
    simple = _simple_part(spec) if is_quick else None
    if simple is not None and simple.min_replicas <= replicas <= simple.max_replicas:
        observe = observer_of(simple, workload, metrics)
        controller = QuickController(simple, options, workload, metrics, observe)
    else:
        controller = engine_controller(spec, options, workload, metrics)
    return Simulation(workload, controller, assumed)


def _containers(spec: Autoscaler) -> Sequence[str]:
    """Those whose CPU is asked for."""
    parts = (
        spec.triggers
        if isinstance(spec, ScaledObject)
        else [one for one in spec.metrics if isinstance(one, ResourceMetric)]
    )
    return sorted({one.container for one in parts if one.container})


def _simple_part(spec: Autoscaler) -> HorizontalPodAutoscalerSpec | None:
    """What the quick path can do alone: KEDA adds nothing while no trigger fails and none is
    paused, above zero."""
    if isinstance(spec, ScaledObject):
        if not spec.min_replicas or spec.idle_replicas is not None or spec.pause is not None:
            return None
        spec = generated_autoscaler(spec)
    return spec if is_simple(spec) else None

"""The quick path and the engine decide alike, whatever the load and the autoscaler."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cartwheel.autoscaling.spec import (
    Behavior,
    HorizontalPodAutoscalerSpec,
    PolicyType,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
)
from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.load_shape import LoadShape
from cartwheel.simulation.start import start
from tests.simulation.worlds import BY_CPU, BY_REQUESTS, autoscaler

OF_A_SIDECAR = replace(BY_CPU, container="sidecar")

rules = st.builds(
    ScalingRules,
    st.lists(
        st.builds(
            ScalingPolicy,
            st.sampled_from(PolicyType),
            st.integers(1, 120),
            st.sampled_from((5, 15, 60, 300)),
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(SelectPolicy),
    st.none() | st.sampled_from((0, 20, 60, 300)),
    st.none() | st.sampled_from((0.0, 0.05, 0.3)),
)
autoscalers = st.builds(
    lambda metrics, behavior, minimum, more: autoscaler(
        *metrics, behavior=behavior, minimum=minimum, maximum=minimum + more
    ),
    st.sampled_from(((BY_REQUESTS,), (BY_CPU,), (BY_REQUESTS, BY_CPU), (BY_CPU, OF_A_SIDECAR))),
    st.none() | st.builds(Behavior, rules, rules),
    st.integers(1, 4),
    st.integers(0, 20),
)
loads = st.lists(
    st.tuples(st.sampled_from((1.0, 7.0, 20.0, 90.0, 250.0)), st.integers(0, 500)),
    min_size=1,
    max_size=8,
)
assumptions = st.builds(
    Assumptions,
    capacity=st.sampled_from((20.0, 40.0, 200.0)),
    start=st.sampled_from((0.0, 2.0, 40.0, 400.0)),
    cpu_idle=st.sampled_from((0.0, 3.0)),
    queue=st.sampled_from((0.0, 1.0)),
    resolution=st.sampled_from((1.0, 15.0, 60.0)),
    delay=st.sampled_from((0.0, 3.0, 7200.0)),
    sync=st.sampled_from((4.0, 15.0)),
)


@settings(deadline=None, max_examples=60)
@given(autoscalers, loads, assumptions)
def test_both_paths_decide_alike(
    spec: HorizontalPodAutoscalerSpec, stages: list[tuple[float, int]], assumed: Assumptions
) -> None:
    times = [sum(length for length, _ in stages[:n]) for n in range(len(stages) + 1)]
    shape = LoadShape(times[:-1], [float(rate) for _, rate in stages], times[-1])
    quick = start(spec, shape, assumed, is_quick=True).run(name="quick")
    exact = start(spec, shape, assumed, is_quick=False).run(name="exact")

    assert quick.counts == exact.counts
    assert quick.figures == exact.figures

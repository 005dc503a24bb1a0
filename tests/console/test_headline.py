"""The headline: what is most urgent, in a few words that do not wobble."""

from dataclasses import replace

import pytest

from cartwheel.console.headline import headline_of
from cartwheel.mesh import (
    AutoscalerState,
    Edge,
    FaultState,
    Frame,
    LoadState,
    ReplicaState,
    ServiceState,
)
from cartwheel.mesh.frame import OUTSIDE, Phase


def cart(*phases: Phase, desired: int | None = None, **more: float) -> ServiceState:
    replicas = [ReplicaState(f"cart-{number}", one) for number, one in enumerate(phases, 1)]
    figures = {"rate": 60.0, **more}
    return ServiceState("cart", len(phases) if desired is None else desired, replicas, **figures)


def shop(service: ServiceState, *edges: Edge, **more: object) -> Frame:
    from_outside = Edge(OUTSIDE, "storefront", service.rate or 0.0)
    seen = (from_outside, *edges) if service.rate else edges
    return Frame(1.0, services=[service], edges=seen, **more)  # type: ignore[arg-type]


def autoscaler(serving: int = 2, **more: object) -> AutoscalerState:
    state = AutoscalerState("hpa/cart", "cart", 2, 7, serving, serving, serving, arrivals=60.0)
    return replace(state, **more)


STEADY = shop(cart("serving", "serving"))
FAULT = FaultState("slow-products", "products is slow", ["products"], 3.0)


@pytest.mark.parametrize(
    ("frame", "headline"),
    [
        (Frame(1.0, problem="The shop ended at 12:00:00. To start it: cartwheel up"),
         "The shop ended at 12:00:00"),
        (shop(cart("starting", "starting")), "The shop is starting"),
        (shop(cart("draining", "draining")), "The shop is stopping"),
        (shop(cart("serving", "crashed")), "cart-2 crashed; it starts again"),
        (shop(cart("serving", "crashed", "crashed")), "2 replicas crashed; they start again"),
        (shop(cart("serving"), faults=[FAULT]), "Fault: products is slow"),
        (shop(cart("serving"), faults=[FAULT, FAULT]),
         "Fault: products is slow, and 1 more"),
        (shop(cart("serving"), faults=[replace(FAULT, title="user is slow; user is cut off")]),
         "Fault: user is slow, and 1 more"),
        (shop(cart("serving"), Edge("cart", "products", 0.0, open_breakers=2)),
         "cart has suspended its calls to products"),
        (shop(cart("serving", errors=0.3)), "Many requests to cart fail"),
        (shop(cart("serving", errors=0.02)), "A few requests to cart fail"),
        (shop(cart("serving", errors=0.001)), "Steady: 60 requests/s"),
        (shop(cart("serving", shed=12.0)), "cart sheds requests"),
        (shop(cart("serving", p95=0.8)), "cart responds slowly"),
        (shop(cart("serving"), Edge("cart", "products", 5.0, p95=0.8)),
         "Calls of cart to products are slow"),
        (shop(cart("serving", "serving"), autoscaler=autoscaler(is_paused=True)),
         "The autoscaler is paused at 2 replicas"),
        (shop(cart("serving"), autoscaler=autoscaler(7, value=90.0, target=60.0)),
         "Overloaded at the maximum of 7 replicas: cart is above its target"),
        (shop(cart("serving"), autoscaler=autoscaler(7, capacity=40.0, arrivals=280.0)),
         "Overloaded at the maximum of 7 replicas: 280 requests/s, capacity 40/s"),
        (shop(cart("serving", shed=12.0, p95=0.8),
              autoscaler=autoscaler(is_paused=True, capacity=40.0, arrivals=280.0)),
         "Overloaded, paused at 2 replicas: 280 requests/s, capacity 40/s"),
        (shop(cart("serving"), autoscaler=autoscaler(7, capacity=55.0, value=22.0, target=20.0)),
         "Above target: 7 replicas serve 60 requests/s"),
        (shop(cart("serving"), autoscaler=autoscaler(7, value=21.2, target=20.0)),
         "Above target: 7 replicas serve 60 requests/s"),
        (shop(cart("serving"), autoscaler=autoscaler(capacity=40.0, arrivals=280.0)),
         "Overloaded: 280 requests/s, capacity 40/s"),
        (shop(cart("serving", "serving"), autoscaler=autoscaler()),
         "Steady: 2 replicas serve 60 requests/s"),
        (shop(cart("serving"), autoscaler=autoscaler(1)), "Steady: 1 replica serves 60 requests/s"),
        (shop(cart("ready", rate=0.0)), "No traffic yet"),
        (Frame(1.0), ""),
    ],
)  # fmt: skip
def test_the_headline_of_a_frame(frame: Frame, headline: str) -> None:
    assert headline_of(frame, None) == headline


def test_the_service_that_makes_others_slow_is_named() -> None:
    services = [
        replace(cart("serving", p95=0.9), name=name) for name in ("storefront", "cart", "products")
    ]
    edges = [
        Edge(OUTSIDE, "storefront", 60.0),
        Edge("storefront", "cart", 50.0, p95=0.9),
        Edge("cart", "products", 50.0, p95=0.9),
    ]
    assert headline_of(Frame(1.0, services, edges), None) == "products responds slowly"


def test_scaling_out_is_told_from_its_start_until_all_replicas_serve() -> None:
    told = []
    before = replace(STEADY, headline="Steady: 60 requests/s")
    for frame in (
        shop(cart("serving", "serving", "starting", "starting", desired=4)),
        shop(cart("serving", "serving", "serving", "ready", "starting", desired=5)),
        shop(cart(*["serving"] * 4, "ready", desired=5)),
        shop(cart(*["serving"] * 5)),
    ):
        before = replace(frame, headline=headline_of(frame, before))
        told.append(before.headline)
    assert told == [
        "Scaling out: 2 → 4, 2 serving",
        "Scaling out: 2 → 5, 3 serving",
        "Scaling out: 2 → 5, 4 serving",
        "Steady: 60 requests/s",
    ]


def test_scaling_out_is_told_even_if_the_new_replicas_serve_at_once() -> None:
    frame = shop(cart(*["serving"] * 4))
    scaled = replace(frame, headline=headline_of(frame, STEADY))
    assert scaled.headline == "Scaling out: 2 → 4, 4 serving"
    assert headline_of(frame, scaled) == "Steady: 60 requests/s"


def test_scaling_in_is_told_until_the_surplus_replicas_are_gone() -> None:
    told = []
    before = replace(shop(cart(*["serving"] * 7)), headline="Steady: 60 requests/s")
    for frame in (
        shop(cart(*["serving"] * 4, "draining", "draining", "draining", desired=4)),
        shop(cart(*["serving"] * 4, "draining", desired=4)),
        shop(cart(*["serving"] * 4)),
    ):
        before = replace(frame, headline=headline_of(frame, before))
        told.append(before.headline)
    assert told == ["Scaling in: 7 → 4", "Scaling in: 7 → 4", "Steady: 60 requests/s"]


def test_replicas_that_nobody_calls_are_no_scaling() -> None:
    """Without load, a replica can be ready for long before it gets a request."""
    before = replace(shop(cart("serving", "ready", rate=1.0)), headline="Scaling out: 1 → 2, …")
    assert headline_of(shop(cart("serving", "ready", rate=1.0)), before) == "Steady: 1 requests/s"


def test_a_rate_that_wobbles_is_the_same_rate() -> None:
    before = replace(STEADY, headline="Steady: 60 requests/s")
    assert (
        headline_of(shop(cart("serving", "serving", rate=63.0)), before) == "Steady: 60 requests/s"
    )
    assert (
        headline_of(shop(cart("serving", "serving", rate=92.0)), before) == "Steady: 92 requests/s"
    )


def test_traffic_that_has_ended_is_not_traffic_that_has_not_begun() -> None:
    """Also not after something else was told in between."""
    quiet = shop(cart("ready", "ready", rate=0.0))
    for told in ("Steady: 60 requests/s", "Scaling in: 7 → 2", "No traffic now"):
        assert headline_of(quiet, replace(STEADY, headline=told)) == "No traffic now"
    for told in ("", "The shop is starting", "Measuring the traffic", "No traffic yet"):
        assert headline_of(quiet, replace(STEADY, headline=told)) == "No traffic yet"
    assert headline_of(quiet, Frame(1.0, headline="The shop ended at 12:00:00")) == "No traffic yet"


def test_replicas_that_come_are_told_rather_than_the_overload_that_they_end() -> None:
    before = shop(cart("serving", "serving"))
    scaler = autoscaler(2, desired=7, capacity=40.0, arrivals=280.0)
    frame = shop(cart("serving", "serving", *["starting"] * 5), autoscaler=scaler)
    assert headline_of(frame, before) == "Scaling out: 2 → 7, 2 serving"


def test_an_overload_that_may_end_in_a_moment_is_told_from_the_second_frame_on() -> None:
    scalers = [autoscaler(capacity=60.0), *[autoscaler(capacity=40.0)] * 2, autoscaler(3)]
    frames = [shop(cart("serving", "serving"), autoscaler=one) for one in scalers]
    assert [one.partition(":")[0] for one in headlines(*frames)] == [
        "Steady",
        "Steady",
        "Overloaded",
        "Steady",
    ]


def loaded(achieved: float, missed: int, *, asked: float = 120.0) -> Frame:
    load = LoadState("browse", asked, achieved=achieved, missed=missed)
    return shop(cart("serving", "serving"), load=load, autoscaler=autoscaler())


def headlines(*frames: Frame, first: str = "") -> list[str]:
    told, before = [], replace(STEADY, headline=first)
    for frame in frames:
        before = replace(frame, headline=headline_of(frame, before))
        told.append(before.headline)
    return told


def test_a_load_that_is_not_achieved_is_no_steady_load() -> None:
    short = "Overloaded: 95 requests/s of 120/s achieved"
    frames = [loaded(120.0, 0), loaded(95.0, 20), loaded(95.0, 40), loaded(110.0, 40)]
    assert headlines(*frames, loaded(119.0, 40)) == [
        "Steady: 2 replicas serve 60 requests/s",
        short,
        short,
        short,
        "Steady: 2 replicas serve 60 requests/s",
    ]


def test_a_load_that_has_just_been_raised_does_not_fall_short() -> None:
    """Its last second is still that of before."""
    frames = [loaded(20.0, 0, asked=20.0), loaded(20.0, 0), loaded(60.0, 0), loaded(120.0, 0)]
    assert {one.partition(":")[0] for one in headlines(*frames)} == {"Steady"}


def test_a_number_near_its_limit_does_not_change_the_headline_to_and_fro() -> None:
    over = [
        shop(cart("serving"), autoscaler=autoscaler(is_paused=True, capacity=100.0, arrivals=rate))
        for rate in (122.0, 112.0, 118.0, 109.0, 118.0)
    ]
    assert [one.partition(":")[0] for one in headlines(*over)] == [
        *["Overloaded, paused at 2 replicas"] * 3,
        *["The autoscaler is paused at 2 replicas"] * 2,
    ]
    slow = [
        shop(cart("serving", "serving", p95=p95)) for p95 in (0.45, 0.55, 0.45, 0.41, 0.39, 0.45)
    ]
    steady = "Steady: 60 requests/s"
    told = [steady, *["cart responds slowly"] * 3, steady, steady]
    assert headlines(*slow, first=steady) == told


def test_a_cart_that_is_above_its_target_for_longer_than_a_moment_is_not_steady() -> None:
    def told(*rates: float) -> list[str]:
        scalers = [autoscaler(capacity=100.0, arrivals=rate) for rate in rates]
        frames = [shop(cart("serving", "serving"), autoscaler=one) for one in scalers]
        return [one.partition(":")[0] for one in headlines(*frames)]

    steady, above, overloaded = "Steady", "Above target", "Overloaded"
    wobbling = (100.0, 106.0, 104.0, 106.0, 107.0, 101.0, 99.0, 104.0)
    assert told(*wobbling) == [*[steady] * 4, *[above] * 2, *[steady] * 2]
    assert told(90.0, 106.0, 125.0, 125.0) == [steady, steady, above, overloaded]
    assert told(125.0, 112.0, 108.0, 102.0, 99.0) == [*[overloaded] * 2, *[above] * 2, steady]

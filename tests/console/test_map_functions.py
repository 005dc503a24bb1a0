"""Where the map puts things and how fast they move, in the browser that runs it."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest

from cartwheel.mesh import Edge, Frame, ReplicaState, ServiceState, StoreState
from cartwheel.mesh.frame import OUTSIDE, Phase
from tests.console import synthetic
from tests.console.modules import Modules

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.browser]

SHOP_EDGES = [
    (OUTSIDE, "storefront"),
    ("storefront", "cart"),
    ("storefront", "products"),
    ("storefront", "user"),
    ("storefront", "tracking"),
    ("cart", "products"),
    ("tracking", "products"),
    ("tracking", "cart"),
    ("tracking", "user"),
]
SIZES = [(680, 470, 16, False), (360, 700, 16, True), (1860, 900, 26, False), (640, 430, 17, False)]
Box = Mapping[str, float]


async def columns(
    modules: Modules, *steps: tuple[Sequence[str], Sequence[tuple[str, str]]]
) -> list[list[list[str]]]:
    """The columns of services after each step of names and edges."""
    return await modules.run(
        "map_places",
        """a.reduce(([places, seen], [names, edges]) => {
             const calls = edges.map(([source, target]) => ({source, target}));
             places = m.placeServices(places, names, calls);
             return [places, [...seen, m.columnsOf(places)]];
           }, [new Map(), []])[1]""",
        [[list(names), [list(edge) for edge in edges]] for names, edges in steps],
    )


async def scenes(modules: Modules, frames: Sequence[Frame], size: tuple[Any, ...]) -> Any:
    """What is drawn of frames that follow one another."""
    width, height, em, is_vertical = size
    view = {"width": width, "height": height, "em": em, "isVertical": is_vertical}
    return await modules.run(
        "map_scene",
        """a.frames.reduce(([memory, seen], frame) => {
             const next = m.sceneOf(memory, frame, {...a.view, saysRates: false});
             const {services, labels, edges} = next.scene;
             return [next.memory, [...seen, {services, labels, edges}]];
           }, [m.nothingRemembered(), []])[1]""",
        {"frames": [asdict(frame) for frame in frames], "view": view},
    )


def apart(a: Box, b: Box) -> bool:
    return (
        a["x"] + a["width"] <= b["x"]
        or b["x"] + b["width"] <= a["x"]
        or a["y"] + a["height"] <= b["y"]
        or b["y"] + b["height"] <= a["y"]
    )


def with_cart_of(count: int, frame: Frame) -> Frame:
    replicas = [ReplicaState(f"cart-{n}", "serving", rate=10.0) for n in range(count)]
    return replace(
        frame,
        services=[
            replace(one, desired=count, replicas=replicas) if one.name == "cart" else one
            for one in frame.services
        ],
    )


@pytest.fixture(scope="module")
def frame() -> Frame:
    """The shop under load, with seven replicas of the cart."""
    return synthetic.session(65).frames[-1]


def everything_wrong(frame: Frame) -> Frame:
    edges = [replace(e, errors=0.12, retries=3.0, open_breakers=1, p95=0.9) for e in frame.edges]
    return replace(frame, edges=edges)


async def test_the_shop_is_in_call_order_whatever_the_order_of_the_frame(modules: Modules) -> None:
    names = ["user", "tracking", "storefront", "products", "cart"]
    [found] = await columns(modules, (names, []))
    assert found == [["storefront"], ["cart", "tracking"], ["products", "user"]]


async def test_a_service_of_another_shop_is_right_of_who_calls_it_and_stays(
    modules: Modules,
) -> None:
    names = ["db", "api", "web"]
    chain = [(OUTSIDE, "web"), ("web", "api"), ("api", "db")]
    before, after = await columns(modules, (names, chain), (names, [*chain, ("web", "db")]))
    assert before == after == [["web"], ["api"], ["db"]]


async def test_services_that_call_each_other_have_places_too(modules: Modules) -> None:
    [found] = await columns(modules, (["a", "b"], [(OUTSIDE, "a"), ("a", "b"), ("b", "a")]))
    assert found == [["a"], ["b"]]


async def test_a_service_without_calls_gets_its_place_with_the_first(modules: Modules) -> None:
    names = ["cart", "mailer"]
    before, after = await columns(modules, (names, []), (names, [("cart", "mailer")]))
    assert before == [["cart", "mailer"]]
    assert after == [["cart"], ["mailer"]]


async def test_replicas_keep_their_slots(modules: Modules) -> None:
    slots = await modules.run(
        "map_places",
        """a.reduce((seen, names) => [...seen, m.assignSlots(seen.at(-1) ?? new Map(), names)], [])
             .map((one) => Object.fromEntries(one))""",
        [["a", "b", "c"], ["c", "a"], ["d", "c", "a", "e"]],
    )
    assert slots == [{"a": 0, "b": 1, "c": 2}, {"c": 2, "a": 0}, {"d": 1, "c": 2, "a": 0, "e": 3}]


async def test_a_grid_grows_at_once_and_shrinks_after_a_minute(modules: Modules) -> None:
    sizes = await modules.run(
        "map_places",
        """a.reduce((seen, [needed, at]) => [...seen, m.gridSize(seen.at(-1), {needed, at})], [])
             .map((one) => one.size)""",
        [[2, 0], [9, 1], [2, 2], [2, 60], [2, 62]],
    )
    assert sizes == [2, 9, 9, 9, 2]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [1, 7, 32])
async def test_all_replicas_fit_into_the_box_of_their_service(
    modules: Modules, frame: Frame, count: int, size: tuple[Any, ...]
) -> None:
    [scene] = await scenes(modules, [with_cart_of(count, frame)], size)
    cart = next(one for one in scene["services"] if one["name"] == "cart")
    wheels, box = cart["wheels"], cart["box"]
    assert len(wheels) == count
    for wheel in wheels:
        assert box["x"] < wheel["x"] - wheel["radius"]
        assert wheel["x"] + wheel["radius"] < box["x"] + box["width"]
        assert box["y"] < wheel["y"] - wheel["radius"]
        assert wheel["y"] + wheel["radius"] < box["y"] + box["height"]
    for a, b in itertools.combinations(wheels, 2):
        distance = ((a["x"] - b["x"]) ** 2 + (a["y"] - b["y"]) ** 2) ** 0.5
        assert distance > a["radius"] + b["radius"]


async def test_very_many_replicas_are_one_wheel_for_each_phase(
    modules: Modules, frame: Frame
) -> None:
    [scene] = await scenes(modules, [with_cart_of(40, frame)], SIZES[0])
    cart = next(one for one in scene["services"] if one["name"] == "cart")
    assert [(one["phase"], one["count"]) for one in cart["wheels"]] == [("serving", 40)]


@pytest.mark.parametrize("size", SIZES)
async def test_no_box_lies_on_another_and_none_is_outside(
    modules: Modules, frame: Frame, size: tuple[Any, ...]
) -> None:
    [scene] = await scenes(modules, [frame], size)
    boxes = [one["box"] for one in scene["services"]]
    assert all(apart(a, b) for a, b in itertools.combinations(boxes, 2))
    for box in boxes:
        assert 0 <= box["x"] < box["x"] + box["width"] <= size[0]
        assert 0 <= box["y"] < box["y"] + box["height"] <= size[1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [3, 4, 6, 10])
async def test_many_services_in_a_column_leave_out_what_has_no_room(
    modules: Modules, count: int, size: tuple[Any, ...]
) -> None:
    names = [f"service-{n}" for n in range(count)]
    services = [
        ServiceState(
            name,
            desired=3,
            replicas=[ReplicaState(f"{name}-{n}", "serving", rate=9.0) for n in range(2)],
            rate=18.0,
            errors=0.1,
            store=StoreState("valkey", rate=90.0),
        )
        for name in names
    ]
    edges = [Edge(OUTSIDE, "web", 10.0), *(Edge("web", name, rate=10.0) for name in names)]
    frame = Frame(1.0, [ServiceState("web", desired=1), *services], edges)
    [scene] = await scenes(modules, [frame], size)
    em = size[2]
    for a, b in itertools.combinations(scene["services"], 2):
        assert apart(a["box"], b["box"]), (a["name"], b["name"])
    for one in scene["services"]:
        for a, b in itertools.combinations(contents(one, em), 2):
            assert apart(a, b), (one["name"], a, b)
        for part in contents(one, em):
            assert one["box"]["y"] <= part["y"], (one["name"], part)
            assert part["y"] + part["height"] <= one["box"]["y"] + one["box"]["height"] + 0.01
    assert all(one["signs"] for one in scene["services"][1:])


def contents(service: Mapping[str, Any], em: float) -> Sequence[Box]:
    """What is written and drawn in a box."""
    lines = [service["title"], *service["signs"]]
    bottom = service["box"]["y"] + service["box"]["height"]
    store = {**service["box"], "y": bottom - 1.4 * em, "height": 1.3 * em}
    return [
        *(
            {"x": 0, "width": 0.5 * em, **one, "y": one["y"] - 0.7 * em, "height": 0.8 * em}
            for one in lines
        ),
        service["wheelArea"],
        *([store] if service["store"] else []),
    ]


async def test_the_kind_of_a_store_does_not_come_and_go_with_the_digits_of_its_rate(
    modules: Modules, frame: Frame
) -> None:
    rates = (0.0, 4.6, 12.0, 4400.0)
    frames = [
        replace(
            frame,
            services=[
                replace(one, store=StoreState("sqlite", rate=rate)) for one in frame.services
            ],
        )
        for rate in rates
    ]
    for size in SIZES:
        shown = await scenes(modules, frames, size)
        for service in zip(*(one["services"] for one in shown), strict=True):
            texts = [one["store"]["text"] for one in service if one["store"]]
            assert len({"sqlite" in text for text in texts}) <= 1, texts


@pytest.mark.parametrize("size", SIZES)
async def test_no_label_lies_on_another_or_on_a_box(
    modules: Modules, frame: Frame, size: tuple[Any, ...]
) -> None:
    [scene] = await scenes(modules, [everything_wrong(frame)], size)
    boxes = [one["box"] for one in scene["services"]]
    assert len(scene["labels"]) >= 4
    for label, other in itertools.combinations([*scene["labels"], *boxes], 2):
        assert apart(label, other)


async def test_a_label_keeps_its_place_from_frame_to_frame(modules: Modules, frame: Frame) -> None:
    wrong = everything_wrong(frame)
    first, second = await scenes(modules, [wrong, wrong], SIZES[0])
    assert first["labels"] == second["labels"]


@pytest.mark.parametrize("size", SIZES)
async def test_an_edge_passes_between_the_boxes(
    modules: Modules, frame: Frame, size: tuple[Any, ...]
) -> None:
    edges = [Edge(source, target, rate=10.0) for source, target in SHOP_EDGES]
    [scene] = await scenes(modules, [replace(frame, edges=edges)], size)
    assert len(scene["edges"]) == len(SHOP_EDGES)
    for edge in scene["edges"]:
        for service in scene["services"]:
            box = service["box"]
            inside = [
                point
                for point in edge["route"]["points"]
                if box["x"] + 1 < point["x"] < box["x"] + box["width"] - 1
                and box["y"] + 1 < point["y"] < box["y"] + box["height"] - 1
            ]
            assert inside == [], (edge["key"], service["name"])


async def test_nothing_moves_when_a_replica_and_an_edge_come(
    modules: Modules, frame: Frame
) -> None:
    # The autoscaler of the cart may have seven: there is room for them from the beginning.
    few = replace(with_cart_of(2, frame), edges=frame.edges[:-1])
    before, after = await scenes(modules, [few, with_cart_of(3, frame)], SIZES[0])
    for old, new in zip(before["services"], after["services"], strict=True):
        assert old["box"] == new["box"]
        for one, other in zip(old["wheels"], new["wheels"], strict=False):
            assert (one["x"], one["y"], one["radius"]) == (other["x"], other["y"], other["radius"])


async def test_a_wheel_turns_faster_the_more_it_is_asked(modules: Modules) -> None:
    turns = await modules.run("map_scales", "a.map(m.turnsPerSecond)", [None, 0, 1, 10, 100, 1e6])
    assert turns[:2] == [0, 0]
    assert turns == sorted(turns)
    assert turns[-1] < 0.5


async def test_spokes_that_come_to_a_stand_are_in_their_wheels(modules: Modules) -> None:
    """Also when the wheel moves at that moment, as when another scene is shown."""
    drawn = await modules.run(
        "map_motion",
        """(() => {
             const canvas = document.createElement("canvas");
             const motion = new m.Motion(canvas);
             const scene = (x) => ({
               layout: {width: 200, height: 100, em: 16}, edges: [], labels: [],
               services: [{wheels: [{id: "a", x, y: 50, radius: 20, phase: "serving", rate: 40}]}],
             });
             motion.show(scene(50), {isStill: false});
             motion.show(scene(150), {isStill: true});
             const {data} = canvas.getContext("2d").getImageData(0, 0, 200, 100);
             const drawn = [...Array(200 * 100).keys()].filter((at) => data[4 * at + 3]);
             return drawn.map((at) => at % 200);
           })()""",
    )
    assert 130 <= min(drawn) <= max(drawn) <= 170


async def test_a_call_with_ten_times_the_latency_travels_half_as_fast(modules: Modules) -> None:
    slow, slower = await modules.run("map_scales", "a.map(m.travelSpeed)", [0.01, 0.1])
    assert slow == pytest.approx(2 * slower)


async def test_one_of_ten_calls_is_a_diamond_if_a_tenth_fails(modules: Modules) -> None:
    calls = await modules.run(
        "map_motion",
        """(() => {
             const edge = {rate: 100, errors: 0.1, p95: 0.01, offset: 0, gap: 14, count: 500};
             m.travel(edge, 3, 16);
             return m.callsOf({...edge, route: {length: 100 * edge.gap}});
           })()""",
    )
    failed = sum(one["failed"] for one in calls) / len(calls)
    assert failed == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("frame_of", "note"),
    [
        (lambda frame: None, "Waiting for the first figures"),
        (lambda frame: replace(frame, problem="Old. Do this."), "Old. Do this."),
        (lambda frame: Frame(1.0), "No service is known"),
        (
            lambda frame: Frame(
                1.0, [ServiceState("cart", 1, replicas=[ReplicaState("cart-1", "starting")])]
            ),
            "The shop is starting: 0 of 1 services are ready.",
        ),
        (lambda frame: frame, ""),
    ],
)
async def test_an_empty_map_says_why(
    modules: Modules, frame: Frame, frame_of: Any, note: str
) -> None:
    shown = frame_of(frame)
    found = await modules.run(
        "map_notes",
        "m.noteOf(a, {mode: 'local', isLoadable: true})",
        None if shown is None else asdict(shown),
    )
    assert found.startswith(note)
    assert bool(found) == bool(note)


@pytest.mark.parametrize(
    ("phases", "rates", "problem", "is_old"),
    [
        (["serving", "serving"], [10.0, 10.0], "", False),
        (
            ["serving", "ready"],
            [10.0, None],
            "cart-2 does not respond: figures are missing.",
            False,
        ),
        (["serving", "ready"], [None, None], "The cluster cannot be read.", True),
        (["ready", "starting"], [None, None], "The shop is starting.", False),
        (["ready", "ready"], [None, None], "", False),
    ],
)
async def test_the_map_is_old_if_no_replica_has_figures_any_more(
    modules: Modules, phases: Any, rates: Any, problem: str, is_old: bool
) -> None:
    replicas = [
        ReplicaState(f"cart-{n}", phase, rate=rate)
        for n, (phase, rate) in enumerate(zip(phases, rates, strict=True))
    ]
    shown = Frame(1.0, [ServiceState("cart", 2, replicas=replicas)], problem=problem)
    assert await modules.run("map_notes", "m.isOld(a)", asdict(shown)) is is_old


@pytest.mark.parametrize(
    ("headline", "rate", "note"),
    [
        ("Measuring the traffic", None, ""),
        ("No traffic yet", 0.0, "No traffic yet: press L for load."),
        ("No traffic now", 0.0, "No traffic now: press L for load."),
        ("Fault: Slow calls", 0.0, "No traffic now: press L for load."),
    ],
)
async def test_a_shop_without_traffic_is_as_the_headline_says(
    modules: Modules, headline: str, rate: float | None, note: str
) -> None:
    replicas = [ReplicaState("cart-1", "ready", rate=rate)]
    idle = Frame(1.0, [ServiceState("cart", 1, replicas=replicas, rate=rate)], headline=headline)
    words = "m.noteOf(a, {mode: 'local', isLoadable: true})"
    assert await modules.run("map_notes", words, asdict(idle)) == note


@pytest.mark.parametrize(
    ("phase", "reason", "is_silent"),
    [
        ("serving", "", False),
        ("ready", "does not respond to a scrape", True),
        ("starting", "does not respond to a scrape", True),
        ("starting", "NotReady", False),
        ("starting", "", False),
        ("crashed", "CrashLoopBackOff", False),
    ],
)
async def test_a_replica_that_does_not_respond_is_told_also_if_it_is_no_longer_ready(
    modules: Modules, phase: Phase, reason: str, is_silent: bool
) -> None:
    cart = ServiceState("cart", 1, [ReplicaState("cart-1", phase, reason=reason)])
    found = await modules.run("map_scene", "m.signsOf(a)", asdict(cart))
    assert ("1 no response" in {one["text"] for one in found}) == is_silent

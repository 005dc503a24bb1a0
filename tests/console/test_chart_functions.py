"""The functions under the charts, in the browser that runs them."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from cartwheel.console.history.history import History
from cartwheel.console.history.points import columns
from cartwheel.console.live import Live
from cartwheel.mesh import Frame
from tests.console.modules import Modules
from tests.console.synthetic import session

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.browser]


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (0.9, 1), (1.1, 1.2), (7.6, 8), (12, 12), (140, 150), (151, 200), (2300, 2500)],
)
async def test_the_top_of_a_scale_is_the_next_round_number(
    modules: Modules, value: float, top: float
) -> None:
    assert await modules.run("chart_scale", "m.roundUp(a)", value) == top


async def test_a_scale_grows_at_once_and_shrinks_late(modules: Modules) -> None:
    tops = await modules.run(
        "chart_scale",
        """a.reduce((seen, [needed, at]) => {
             seen.push(m.steadyTop(seen.at(-1) ?? null, needed, at));
             return seen;
           }, []).map((one) => one.top)""",
        [[10, 0], [95, 1], [10, 2], [10, 16], [95, 16.5], [10, 17], [10, 31], [10, 32]],
    )
    assert tops == [10, 100, 100, 100, 100, 100, 100, 10]


@pytest.mark.parametrize(
    ("top", "most", "ticks"),
    [
        (200, 3, [0, 100, 200]),
        (30, 3, [0, 10, 20, 30]),
        (30, 1, [0, 30]),
        (8, 3, [0, 5]),
        (0.5, 3, [0, 0.2, 0.4]),
    ],
)
async def test_ticks_are_round_and_begin_at_zero(
    modules: Modules, top: float, most: int, ticks: list[float]
) -> None:
    found = await modules.run("chart_scale", "m.valueTicks(a[0], {most: a[1]})", [top, most])
    assert found == ticks


async def test_ticks_of_counts_are_whole(modules: Modules) -> None:
    assert await modules.run("chart_scale", "m.valueTicks(2, {whole: true})") == [0, 1, 2]


async def test_ticks_of_time_are_round_in_the_local_time(modules: Modules) -> None:
    # India is 5 h 30 min ahead: 06:00 there is 00:30 UTC.
    found = await modules.run("chart_scale", "m.timeTicks(0, 7200, {most: 3, zone: 19800}).ticks")
    assert found == [1800, 5400]


VIEW = "{from: 0, to: a.at.length, x: {offset: 0, factor: 10}, y: {offset: 100, factor: -1}"


async def test_a_gap_is_drawn_as_a_gap(modules: Modules) -> None:
    path = await modules.run(
        "chart_path",
        f"m.linePath(a.at, a.values, {VIEW}}})",
        {"at": [0, 1, 2, 3, 4], "values": [10, 20, None, 30, 40]},
    )
    assert path == "M0 90L10 80M30 70L40 60"


async def test_a_single_sample_between_gaps_is_a_dot(modules: Modules) -> None:
    path = await modules.run(
        "chart_path",
        f"m.linePath(a.at, a.values, {VIEW}}})",
        {"at": [0, 1, 2], "values": [None, 20, None]},
    )
    assert path == "M10 80h0.1"


async def test_a_step_holds_until_the_next_and_the_newest_to_the_end(modules: Modules) -> None:
    path = await modules.run(
        "chart_path",
        f"m.stepPath(a.at, a.values, {VIEW}, end: 50}})",
        {"at": [0, 1, 2, 3], "values": [2, 2, 7, 7]},
    )
    assert path == "M0 98H20V93H50"


async def test_an_area_is_closed_piece_by_piece(modules: Modules) -> None:
    path = await modules.run(
        "chart_path",
        f"m.stepPath(a.at, a.values, {VIEW}}}, 100)",
        {"at": [0, 1, 2, 3], "values": [2, 3, None, 4]},
    )
    assert path == "M0 98H10V97H10V100H0ZM30 96H30V100H30Z"


async def test_of_many_samples_in_a_pixel_the_extremes_stay(modules: Modules) -> None:
    pieces = await modules.run(
        "chart_path",
        "m.pieces(a, a.map((at) => (at === 500 ? 99 : at === 700 ? -1 : 5)),"
        " {from: 0, to: a.length, x: {offset: 0, factor: 0.001}})",
        list(range(1000)),
    )
    assert [index for index in pieces[0] if index in (500, 700)] == [500, 700]
    assert len(pieces[0]) <= 8


@pytest.mark.parametrize(
    ("at", "age", "index"), [(0.5, 99, -1), (1, 99, 0), (2.9, 99, 1), (9, 99, 2), (9, 5, -1)]
)
async def test_a_moment_has_the_values_of_the_sample_before(
    modules: Modules, at: float, age: float, index: int
) -> None:
    found = await modules.run("chart_path", "m.indexAt([1, 2, 3], a[0], a[1])", [at, age])
    assert found == index


async def test_labels_move_apart_and_stay_in_the_chart(modules: Modules) -> None:
    places = await modules.run(
        "chart_labels", "m.spread(a, {distance: 10, start: 0, end: 100})", [50, 50, 50, 99, 99]
    )
    assert places == [40, 50, 60, 90, 100]


async def test_labels_with_room_stay_where_they_belong(modules: Modules) -> None:
    places = await modules.run(
        "chart_labels", "m.spread(a, {distance: 10, start: 0, end: 100})", [5, 40, 80]
    )
    assert places == [5, 40, 80]


async def test_decisions_that_lie_close_are_one(modules: Modules) -> None:
    groups = await modules.run(
        "chart_labels",
        "m.grouped(a.map((at) => ({at})), (at) => at, 20).map((one) => one.marks.length)",
        [0, 10, 19, 100, 130],
    )
    assert groups == [3, 1, 1]


@pytest.mark.parametrize(
    ("titles", "name"),
    [
        (["2 → 7"], "2 → 7"),
        (["2 → 4", "4 → 7"], "2 → 4 → 7"),
        (["2 → 4", "4 → 7", "7 → 4", "4 → 2"], "2 ⇢ 2 (4)"),
    ],
)
async def test_decisions_that_are_one_have_one_name(
    modules: Modules, titles: list[str], name: str
) -> None:
    assert await modules.run("chart_labels", "m.chain(a)", titles) == name


async def test_the_name_of_an_event_needs_room_before_the_next(modules: Modules) -> None:
    labels = [{"start": 0, "width": 50}, {"start": 40, "width": 50}, {"start": 200, "width": 90}]
    found = await modules.run("chart_labels", "m.fitting(a, {gap: 10, end: 280})", labels)
    assert found == [False, True, False]


async def test_live_charts_have_the_gaps_of_the_history(modules: Modules, tmp_path: Path) -> None:
    live = Live()
    history = History(live, tmp_path / "console.sqlite")
    frames = list(session(40, begin=1000.0).frames)
    for n in (*range(5, 15), *range(20, 23)):
        frames[n] = replace(frames[n], problem="The cluster cannot be read.", is_old=True)
    for n in range(30, 38):
        frames[n] = Frame(frames[n].at)
    for frame in frames:
        live.publish(frame)
    start, end = frames[0].at, frames[-1].at
    expected = columns(history.points(start, end), start=start, end=end, count=600)
    drawn = await modules.run(
        "autoscaler_samples",
        """(() => {
             const samples = new m.Samples();
             samples.step = 1;
             a.forEach((one) => samples.append(one));
             return samples;
           })()""",
        [asdict(one) for one in frames],
    )
    for name in ("at", "arrivals", "desired", "serving"):
        assert drawn[name] == expected[name]
    assert drawn["desired"].count(None) == 2


async def test_changed_lines_are_marked(modules: Modules) -> None:
    found = await modules.run(
        "autoscaler_manifest",
        "m.changedLines(a[0], a[1]).map((one) => one.kind + ' ' + one.text)",
        ["a: 1\nb: 2\nc: 3\n", "a: 1\nb: 4\nc: 3\nd: 5\n"],
    )
    assert found == ["same a: 1", "removed b: 2", "added b: 4", "same c: 3", "added d: 5"]


@pytest.mark.parametrize(
    ("moment", "end"),
    [(None, 1000), (800, 1000), (990, 1000), (500, 545), (100, 145)],
)
async def test_a_moment_in_view_does_not_move_the_view(
    modules: Modules, moment: float | None, end: float
) -> None:
    view = await modules.run(
        "autoscaler_view",
        "m.viewOf({start: 700, end: 1000}, {seconds: 300, newest: 1000, moment: a})",
        moment,
    )
    assert view == {"start": end - 300, "end": end}


@pytest.mark.parametrize(
    ("begin", "before", "seconds"),
    [(995, 0, 60), (940, 60, 60), (939, 60, 120), (995, 120, 120), (700, 120, 300), (0, 0, 300)],
)
async def test_a_young_shop_fills_its_charts_and_they_never_shrink(
    modules: Modules, begin: float, before: float, seconds: float
) -> None:
    found = await modules.run(
        "autoscaler_view",
        "m.secondsOf(0, {begin: a[0], newest: 1000, before: a[1]})",
        [begin, before],
    )
    assert found == seconds


@pytest.mark.parametrize(
    ("now", "begin", "said"),
    [(8, None, "2 → 3 at"), (21, 20, "The count has not changed since"), (25, 20, "3 → 2 at")],
)
async def test_decisions_of_before_a_gap_are_of_another_shop(
    modules: Modules, now: int, begin: int | None, said: str
) -> None:
    found = await modules.run(
        "autoscaler_samples",
        """(async () => {
             const { lastDecision } = await import('/static/js/autoscaler_sentence.js');
             const samples = new m.Samples();
             for (const at of [5, 6, 7, 8, 20, 21, 22, 23, 24, 25]) {
               samples.append({at, services: [{}], autoscaler: {desired: 2}});
             }
             const decisions = [{at: 6, title: '2 → 3'}, {at: 24, title: '3 → 2'}];
             const begin = samples.beginOf(a);
             return [begin, lastDecision(decisions, a, begin)];
           })()""",
        now,
    )
    assert found[0] == begin
    assert found[1].startswith(said)

"""Who follows the frames gets each or the newest, and none keeps the others from theirs."""

import asyncio

from cartwheel.console.live import Live
from cartwheel.mesh import Frame, Mark


async def test_a_slow_reader_gets_the_newest_frame() -> None:
    live = Live()
    frames = live.frames()
    live.publish(Frame(at=1))
    live.publish(Frame(at=2))
    assert (await anext(frames)).at == 2

    later = asyncio.ensure_future(anext(frames))
    await asyncio.sleep(0)
    assert not later.done()
    live.publish(Frame(at=3))
    assert (await later).at == 3


def test_a_listener_that_fails_keeps_nothing_from_the_others() -> None:
    live = Live()
    heard: list[float] = []

    def fail(_: Frame | Mark) -> None:
        raise RuntimeError("out of paper")

    live.on_frame += [fail, lambda frame: heard.append(frame.at)]
    live.on_mark += [fail, lambda mark: heard.append(mark.at)]
    live.publish(Frame(at=1))
    live.mark(Mark(2, "load", "130/s"))

    assert heard == [1, 2]


def test_the_problem_of_a_part_is_in_each_frame_that_has_none_until_it_is_over() -> None:
    live = Live()
    problems: list[str] = []
    live.on_frame.append(lambda frame: problems.append(frame.problem))
    live.set_problem("history", "The disk is full.")
    live.publish(Frame(at=1))
    live.publish(Frame(at=2, problem="Nothing runs."))
    live.clear_problem("history")
    live.publish(Frame(at=3))

    live.set_problem("load", "No load.")

    assert problems == [*["The disk is full."] * 2, "Nothing runs.", "", "No load."]

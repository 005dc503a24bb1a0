"""The generator's process: how it is ended, paused, and what it says about its failure."""

import asyncio
import sys
from collections.abc import Callable, Sequence

import pytest

from cartwheel.errors import CommandError
from cartwheel.load import engine
from cartwheel.load.engine import Engine, Load
from loadtest.arrivals import Stage
from loadtest.figures import Figures, Total, to_line
from tests.cartwheel.load.sessions import total
from tests.loadtest.fake_shop import shop

LOUD = "import sys; sys.stderr.write('x' * 300_000 + '\\nthe reason\\n'); sys.exit(3)"


class Program(Engine):
    """A generator that runs another program."""

    def __init__(self, program: str) -> None:
        super().__init__(Load("", "browse", [], 1))
        self._program = program

    def _command_line(self) -> Sequence[str]:
        return [sys.executable, "-c", self._program]


async def figures_of(
    load: Engine, then: Callable[[], None] = lambda: None
) -> list[Figures | Total]:
    """What it yields; ``then`` is called after each of them."""
    found = []
    async for figures in load.run():
        found.append(figures)
        then()
    return found


async def test_a_generator_that_is_stuck_is_killed_after_the_second_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "KILL_DELAY", 0.05)
    with shop() as target:
        load = Engine(Load(target, "browse", [Stage.constant(20, seconds=60)], 8))
        ending = asyncio.create_task(figures_of(load, then=lambda: stop_while_paused(load)))
        with pytest.raises(CommandError, match="did not end and was killed"):
            await ending


def stop_while_paused(load: Engine) -> None:
    load.pause()
    load.stop()
    load.stop()


async def test_a_generator_may_write_more_than_a_pipe_holds_about_its_failure() -> None:
    with pytest.raises(CommandError, match=r"^The load generator failed: the reason$"):
        await figures_of(Program(LOUD))


async def test_the_figures_of_a_load_whose_history_was_not_written_are_not_enough() -> None:
    ending = "import sys; print('full', file=sys.stderr); sys.exit(3)"
    program = f"print({to_line(total())!r}); {ending}"
    with pytest.raises(CommandError, match=r"^The load generator failed: full$"):
        await figures_of(Program(program))


async def test_a_generator_that_has_paused_goes_on() -> None:
    with shop() as target:
        load = Engine(Load(target, "browse", [Stage.constant(20, seconds=1.2)], 8))
        found = await figures_of(load, then=lambda: pause_and_resume(load))
    assert isinstance(found[-1], Total)


def pause_and_resume(load: Engine) -> None:
    load.pause()
    load.resume()


async def test_the_measured_rate_follows_a_change() -> None:
    found: list[Figures | Total] = []
    with shop() as target:
        load = Engine(Load(target, "browse", [Stage.constant(10, seconds=60)], 64))
        async for figures in load.run():
            if not found:
                load.follow([Stage.constant(150, seconds=1)], shoppers=150)
            found.append(figures)
    *_, total = found
    assert isinstance(total, Total)
    assert 150 <= total.sent + total.missed <= 180


async def test_a_load_is_changed_before_it_has_begun() -> None:
    with shop() as target:
        load = Engine(Load(target, "browse", [Stage.constant(10, seconds=60)], 64))
        load.follow([Stage.constant(10, seconds=0.5)], shoppers=64)
        *_, total = await figures_of(load)
    assert isinstance(total, Total)
    assert total.sent <= 10

"""A load from the terminal: its signals, and replicas that cannot be followed."""

import signal
from typing import cast

import pytest

from cartwheel.load.local_run import LocalRun
from cartwheel.load.runner import run_load
from cartwheel.load.session import Session
from loadtest.arrivals import Stage
from tests.loadtest.fake_shop import shop


class Unreadable:
    """A run with a recording that cannot be read."""

    async def follow(self, _: Session) -> None:
        raise PermissionError(13, "Permission denied")


async def test_a_problem_with_the_recording_is_one_line_and_the_load_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with shop() as target:
        session = Session(target, "browse", [Stage.constant(20, seconds=0.2)])
        await run_load(session, cast(LocalRun, Unreadable()), shoppers=8)
    assert session.total is not None
    (line,) = capsys.readouterr().out.splitlines()
    assert line == "! Not all of the load was shown: Permission denied."


async def test_what_follows_the_load_can_be_ended_by_a_signal() -> None:
    with shop() as target:
        session = Session(target, "browse", [Stage.constant(20, seconds=0.2)])
        await run_load(session, None, shoppers=8)
    by_default = dict.fromkeys((signal.SIGTERM, signal.SIGTSTP), signal.SIG_DFL)
    found = {number: signal.getsignal(number) for number in (*by_default, signal.SIGINT)}
    assert found == {**by_default, signal.SIGINT: signal.default_int_handler}

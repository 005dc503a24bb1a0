"""Runs a load and shows it."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartwheel.errors import describe_error
from cartwheel.load.engine import Engine, Load
from cartwheel.load.local_run import LocalRun
from cartwheel.load.session import Session
from cartwheel.load.view import View, new_view
from cartwheel.local.signals import handled_in_loop, numbers_of_stop_signals
from cartwheel.printing import new_console, print_wrapped
from loadtest.figures import Figures

VIEW_INTERVAL = 0.25
"""Seconds."""


async def run_load(
    session: Session, run: LocalRun | None, *, shoppers: int, history: Path | None = None
) -> None:
    """Fill the session until the load ends, or until the person ends it. Raises `CommandError`."""
    load = Load(session.target, session.scenario, session.stages, shoppers, history=history)
    engine = Engine(load)
    tasks = [asyncio.create_task(run.follow(session))] if run else []
    try:
        with _signals_for(engine), new_view(session, new_console()) as view:
            tasks.append(asyncio.create_task(_show(view, engine)))
            await _measure(engine, session)
            view.update()
    finally:
        for task in tasks:
            task.cancel()
        for error in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(error, Exception):
                print_wrapped(f"! Not all of the load was shown: {describe_error(error)}.")


@contextmanager
def _signals_for(engine: Engine) -> Iterator[None]:
    """Signals that end this process end the load, and stop this process with its load.

    Afterwards they do what they did before: whatever follows the load can be ended.
    """

    def pause() -> None:  # the load must not go on unseen
        engine.pause()
        os.kill(os.getpid(), signal.SIGSTOP)

    handlers = {
        **dict.fromkeys(numbers_of_stop_signals(), engine.stop),
        signal.SIGTSTP: pause,
        signal.SIGCONT: engine.resume,
    }
    with handled_in_loop(handlers):
        yield


async def _measure(engine: Engine, session: Session) -> None:
    async for figures in engine.run():
        if isinstance(figures, Figures):
            session.add_figures(figures)
        else:
            session.total = figures


async def _show(view: View, engine: Engine) -> None:
    while True:
        view.update(is_stopping=engine.is_stopping)
        await asyncio.sleep(VIEW_INTERVAL)

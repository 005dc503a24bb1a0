"""Runs a load and shows it."""

import asyncio
import signal

from cartwheel.console import new_console
from cartwheel.load.engine import Engine, Load
from cartwheel.load.local_run import LocalRun
from cartwheel.load.session import Session
from cartwheel.load.view import View, new_view
from loadtest.figures import Figures

VIEW_INTERVAL = 0.25
"""Seconds."""


async def run_load(session: Session, run: LocalRun | None, *, shoppers: int) -> None:
    """Fill the session until the load ends, or until the person ends it. Raises `CommandError`."""
    engine = Engine(Load(session.target, session.scenario, session.stages, shoppers))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, engine.stop)
    tasks = [asyncio.create_task(run.follow(session))] if run else []
    try:
        with new_view(session, new_console()) as view:
            tasks.append(asyncio.create_task(_show(view, engine)))
            await _measure(engine, session)
            view.update()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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

"""The part of the console that breaks the shop: its routes, and what a frame shows of faults."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cartwheel.chaos.catalogue import find_fault
from cartwheel.chaos.shop import Shop, find_shop
from cartwheel.console.faults.fault_runner import FaultRunner
from cartwheel.console.faults.faults_elsewhere import Effects, FaultsElsewhere
from cartwheel.console.faults.lesson_runner import LessonRunner
from cartwheel.console.faults.lessons import find_lesson, lesson_as_json, lessons
from cartwheel.console.faults.possibilities import NO_SHOP, possibilities, problem_in
from cartwheel.console.server import read_object
from cartwheel.errors import CommandError, UsageError
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import FaultState, Mark

FoundT = TypeVar("FoundT")


class FaultsPart:
    """Faults and lessons on the shop of a state folder. ``mark`` takes a mark on the time axis."""

    def __init__(self, state: StateFolder, *, mark: Callable[[Mark], None]) -> None:
        self._state = state
        self._faults = FaultRunner(mark=mark)
        self._lessons = LessonRunner(state, mark=mark)
        self._elsewhere = FaultsElsewhere(mark=mark)
        self._beginning = asyncio.Lock()

    @property
    def routes(self) -> Sequence[Route]:
        return [
            Route("/api/faults", self._get_faults),
            Route("/api/faults/current", self._get_current),
            Route("/api/faults/{id}", self._begin_fault, methods=["PUT"]),
            Route("/api/faults/{id}", self._end_fault, methods=["DELETE"]),
            Route("/api/lessons", self._get_lessons),
            Route("/api/lessons/current", self._get_lesson),
            Route("/api/lessons/current", self._stop_lesson, methods=["DELETE"]),
            Route("/api/lessons/{id}", self._start_lesson, methods=["POST"]),
        ]

    async def run(self) -> None:
        """When it is cancelled, everything is undone."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._faults.close()
            await self._lessons.close()

    def states(self, effects: Effects) -> Sequence[FaultState]:
        """All faults that go on; ``effects`` are the ``faults`` of the status of the shop."""
        lesson = self._lessons.current
        if lesson is not None:
            effects = [one for one in effects if lesson.fault.id not in one["session"].split()]
        own = [self._faults.state, lesson.state if lesson else None]
        return [*filter(None, own), *self._elsewhere.states(effects)]

    async def _get_faults(self, _: Request) -> Response:
        shop = await self._find_shop()
        lesson = self._lessons.current
        return JSONResponse(
            {
                **possibilities(shop),
                **self._faults.as_json,
                "lesson": lesson.as_json if lesson else None,
            }
        )

    async def _get_current(self, _: Request) -> Response:
        """Without the catalogue: a page asks again and again while something is broken."""
        return JSONResponse(self._faults.as_json)

    async def _begin_fault(self, request: Request) -> Response:
        fault = _found(find_fault, request)
        seconds = _seconds_in(await read_object(request))
        async with self._beginning:
            if self._lessons.current is not None:
                raise CommandError("A lesson runs: end it first.")
            await self._faults.begin(fault, await self._find_shop(), seconds=seconds)
        return JSONResponse(self._faults.as_json)

    async def _end_fault(self, request: Request) -> Response:
        await self._faults.end(request.path_params["id"])
        return JSONResponse(self._faults.as_json)

    async def _get_lessons(self, _: Request) -> Response:
        shop = await self._find_shop()
        stores = shop.stores if shop else "sqlite"
        found = []
        for lesson in lessons().values():
            fault = lesson.fault_for(stores)
            found.append({**lesson_as_json(lesson, fault), "problem": problem_in(fault, shop)})
        return JSONResponse({"lessons": found})

    async def _start_lesson(self, request: Request) -> Response:
        lesson = _found(find_lesson, request)
        shop = await self._find_shop()
        if shop is None:
            raise CommandError(NO_SHOP)
        fault = lesson.fault_for(shop.stores)
        if (problem := problem_in(fault, shop)) is not None:
            raise CommandError(problem)
        async with self._beginning:
            if (current := self._faults.current) is not None:
                raise CommandError(f"{current.fault.id} is still in force: end it first.")
            run = self._lessons.start(lesson, fault)
        return JSONResponse(run.as_json, status_code=202)

    async def _get_lesson(self, _: Request) -> Response:
        last = self._lessons.last
        return JSONResponse(last.as_json if last else None)

    async def _stop_lesson(self, request: Request) -> Response:
        await self._lessons.stop()
        return await self._get_lesson(request)

    async def _find_shop(self) -> Shop | None:
        return await asyncio.to_thread(find_shop, self._state)


def _found(find: Callable[[str], FoundT], request: Request) -> FoundT:
    """What the path names. Raises `HTTPException`: 404 with the nearest name."""
    try:
        return find(request.path_params["id"])
    except UsageError as error:
        raise HTTPException(404, str(error)) from None


def _seconds_in(body: dict[str, Any]) -> float | None:
    """How long a fault is to last. Raises `UsageError`."""
    unknown = body.keys() - {"seconds"}
    if unknown:
        raise UsageError(f"There is no field {min(unknown)!r}: there is seconds.")
    seconds = body.get("seconds")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise UsageError("seconds: a number.")
    return seconds

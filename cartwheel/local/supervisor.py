"""Runs the shop in the foreground: opens the sockets, starts the replicas, stops them in order."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import asdict
from threading import Timer
from typing import Any

from cartwheel.errors import CommandError, described
from cartwheel.local.child_processes import Processes
from cartwheel.local.command_lines import command_for, shown
from cartwheel.local.control_socket import Message, serving
from cartwheel.local.events import Events
from cartwheel.local.replica import Replica, Timeouts, WrongSettings
from cartwheel.local.replica_log import dropped
from cartwheel.local.replica_set import ReplicaSet
from cartwheel.local.service_environment import environment_of
from cartwheel.local.settings import LocalSettings
from cartwheel.local.sockets import Door
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.status import ReplicaStatus, memory_of, status_of
from cartwheel.local.store_setup import migrate_stores, seed
from cartwheel.local.stores import open_stores
from cartwheel.local.topology import ServiceSpec, by_name, check_count, find

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# When one service refuses its settings, how long the others may take to say what they miss.
REFUSALS_WITHIN = 1.5
# What is left of order when everything is to end at once, and how that is told.
LAST_MOMENT = 1.0
ENDED = 128 + signal.SIGINT


class Supervisor:
    """The shop on this machine. `run` returns when it has been stopped."""

    def __init__(
        self,
        shop: Sequence[ServiceSpec],
        *,
        settings: LocalSettings,
        state: StateFolder,
        events: Events,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 – frozen
    ) -> None:
        self._shop = by_name(shop)
        self._settings = settings
        self._state = state
        self._events = events
        self._timeouts = timeouts
        self._processes = Processes()
        self._sets: dict[str, ReplicaSet] = {}
        self._servers: Sequence[Replica] = ()
        self._stopping = asyncio.Event()  # somebody wishes it
        self._closing = False  # it happens, wished or not

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run until a signal, `stop` or ``cartwheel down``. Raises `StartError`."""
        asyncio.get_running_loop().set_exception_handler(self._unforeseen)
        with self._state.owned(), self._until_signalled(), ExitStack() as opened:
            self._state.prepare()
            doors = {name: opened.enter_context(self._open_door(name)) for name in self._shop}
            place = shown(self._state.root)
            self._events.tell(
                "waiting", "cartwheel", f"starts: {self._settings.stores} stores, all in {place}"
            )
            life = asyncio.create_task(self._live(doors, on_ready))
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([life, stopping], return_when=asyncio.FIRST_COMPLETED)
            # A life that ends by itself ends badly, and tells why once it has cleaned up.
            stopping.cancel()
            life.cancel()
            await asyncio.wait([life])
            if not life.cancelled() and not self._processes.closed:
                life.result()

    def stop(self) -> None:
        """Stop everything in order."""
        self._stopping.set()

    def end(self) -> None:
        """Stop everything at once, whatever state this process is in."""
        self._processes.kill_all()
        # In order if it takes but a moment. A thread, for the loop may be what does not move.
        deadline = Timer(LAST_MOMENT, os._exit, [ENDED])
        deadline.daemon = True
        deadline.start()

    def replicas(self) -> list[ReplicaStatus]:
        """Every replica there is. With `scale`, all an autoscaler needs."""
        return [
            status_of(replica, service=replicas.spec.name, cpu_request=replicas.spec.cpu_request)
            for replicas in self._sets.values()
            for replica in replicas.replicas
        ]

    def overview(self) -> Message:
        """What `cartwheel status` shows. ``memory`` is everybody's, the supervisor's too."""
        everyone = self.replicas()
        servers = [status_of(one, service=one.name) for one in self._servers]
        return {
            "pid": os.getpid(),
            "state_dir": str(self._state.root),
            "stores": self._settings.stores,
            "settings": self._effective_settings().model_dump(mode="json"),
            "memory": memory_of(os.getpid()) + sum(one.memory for one in [*everyone, *servers]),
            "problems": [*self._problems()],
            "services": [
                {
                    "service": name,
                    "url": replicas.door.url,
                    "desired": replicas.desired,
                    "ready": len(replicas.ready),
                    "replicas": [asdict(one) for one in everyone if one.service == name],
                }
                for name, replicas in self._sets.items()
            ],
            "servers": [asdict(one) for one in servers],
        }

    async def scale(self, service: str, count: int) -> bool:
        """Have ``count`` replicas of a service; whether all of them became ready in time.

        Raises `CommandError` for a service or a count that is not possible.
        """
        replicas = self._replicas_of(service)
        check_count(count)
        if count != replicas.desired:
            self._events.tell("waiting", service, f"{replicas.desired} → {count} replicas")
        return await replicas.scale(count)

    async def roll(self, service: str) -> None:
        """Replace every replica of a service, losing no request. Raises `CommandError`."""
        replicas = self._replicas_of(service)
        if not replicas.desired:
            start = command_for(self._state.root, f"scale {service} 1")
            raise CommandError(f"{service} has no replica to restart. To have one: {start}")
        self._events.tell("waiting", service, "rolls: one new replica comes, then an old one goes")
        await replicas.roll()
        self._events.tell("good", service, "rolled")

    async def _live(self, doors: Mapping[str, Door], on_ready: Callable[[], None]) -> None:
        async with (
            serving(self._state.control_socket, self._answer),
            open_stores(
                self._shop.values(),
                self._settings,
                self._state,
                events=self._events,
                timeouts=self._timeouts,
                processes=self._processes,
            ) as stores,
        ):
            self._servers = stores.servers
            changes = await migrate_stores(self._shop.values(), stores.urls, self._processes)
            for change in changes:
                self._events.tell("good", "schema", change)
            try:
                await self._start(stores.urls, doors)
                on_ready()
                await asyncio.Event().wait()  # until `run` cancels
            finally:
                await self._stop_all()

    async def _start(self, stores: Mapping[str, str], doors: Mapping[str, Door]) -> None:
        for name, spec in self._shop.items():
            self._sets[name] = ReplicaSet(
                spec,
                door=doors[name],
                environment=self._environment(spec, stores),
                state=self._state,
                events=self._events,
                timeouts=self._timeouts,
                processes=self._processes,
            )
        await _all_or_refusals(
            [
                *(self._start_service(replicas) for replicas in self._sets.values()),
                *(self._seed(spec, stores) for spec in self._shop.values() if spec.seed),
            ]
        )

    async def _start_service(self, replicas: ReplicaSet) -> None:
        if not await replicas.scale(replicas.spec.replicas):
            folder = shown(self._state.log_folder(replicas.spec.name))
            self._events.tell("bad", replicas.spec.name, f"is not ready yet: see {folder}")

    async def _seed(self, spec: ServiceSpec, stores: Mapping[str, str]) -> None:
        for line in await seed(spec, self._environment(spec, stores), self._processes):
            self._events.tell("good", "seed", line.removeprefix(f"{spec.name}: "))

    async def _stop_all(self) -> None:
        # From here on no command may start anything.
        self._closing = True
        if any(replicas.replicas for replicas in self._sets.values()):
            self._events.tell("waiting", "cartwheel", "stopping (Ctrl-C again: at once)")
        await asyncio.gather(*(replicas.stop() for replicas in self._sets.values()))

    def _environment(self, spec: ServiceSpec, stores: Mapping[str, str]) -> dict[str, str]:
        return environment_of(spec, self._settings, self._state, stores.get(spec.name))

    def _open_door(self, service: str) -> AbstractContextManager[Door]:
        return closing(Door(self._settings.host, self._settings.port_of(service), service))

    def _replicas_of(self, service: str) -> ReplicaSet:
        find(self._shop, service)
        if self._closing or service not in self._sets:
            moment = "stopping" if self._closing else "just starting"
            raise CommandError(f"Cartwheel is {moment}: try again in a moment.")
        return self._sets[service]

    @contextmanager
    def _until_signalled(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        asked = False

        def hear(_number: int, _frame: object) -> None:
            # Not by the loop: who asks twice means it, above all when the loop does not turn.
            nonlocal asked
            if asked or self._stopping.is_set() or self._closing:
                self.end()
            asked = True
            loop.call_soon_threadsafe(self.stop)

        # Whoever started us with a signal ignored (nohup) meant it.
        heard = [one for one in STOP_SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
        before = {number: signal.signal(number, hear) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _unforeseen(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What failed where nobody waited for it."""
        error = context.get("exception")
        what = described(error) if error else context["message"]
        self._events.tell("bad", "cartwheel", f"an error of its own: {what}")

    async def _answer(self, request: Message) -> Message:
        """A command from another terminal. Raises `CommandError`."""
        match request:
            case {"command": "status"}:
                return self.overview()
            case {"command": "scale", "service": str(service), "count": int(count)}:
                before = self._replicas_of(service).desired
                started = time.monotonic()
                ready = await self.scale(service, count)
                return {"before": before, "ready": ready, "seconds": _since(started)}
            case {"command": "restart", "service": str(service)}:
                started = time.monotonic()
                await self.roll(service)
                return {"seconds": _since(started)}
            case {"command": "down"}:
                self.stop()
                return {"pid": os.getpid()}
        raise CommandError("The supervisor does not know this command: is it an older one?")

    def _effective_settings(self) -> LocalSettings:
        """The settings, with the ports that the kernel chose and the folder as a whole path."""
        ports = {f"port_{name}": one.door.port for name, one in self._sets.items()}
        return self._settings.model_copy(update={**ports, "state_dir": self._state.root})

    def _everybody(self) -> list[Replica]:
        return [*self._servers, *(one for each in self._sets.values() for one in each.replicas)]

    def _problems(self) -> Iterator[str]:
        """What does not show in the state of a replica."""
        for name, replicas in self._sets.items():
            if replicas.problem:
                yield f"{name}: {replicas.problem}; callers do not know who is ready"
        for one in self._everybody():
            if one.log.lines_dropped:
                yield f"{one.name}: of its log, {dropped(one.log.lines_dropped)}"


async def _all_or_refusals(work: Sequence[Coroutine[None, None, None]]) -> None:
    """Do everything at once. Settings that are wrong are told together, not one by one."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if any(task.done() and task.exception() for task in tasks):
            await asyncio.wait(tasks, timeout=REFUSALS_WITHIN)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    failures = [task.exception() for task in tasks if not task.cancelled()]
    refused = [failure for failure in failures if isinstance(failure, WrongSettings)]
    if refused:
        problems = dict.fromkeys(problem for one in refused for problem in one.problems)
        raise WrongSettings(list(problems))
    for failure in failures:
        if failure is not None:
            raise failure


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)

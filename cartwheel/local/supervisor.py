"""The supervisor: opens the sockets, starts stores and replicas, scales them, and stops all."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    closing,
    nullcontext,
)
from threading import Timer
from typing import Any, NamedTuple

from cartwheel.errors import CommandError, describe_error
from cartwheel.invocation import display_path
from cartwheel.local.autoscaling.chosen import ChosenAutoscaler, autoscaler_of_text
from cartwheel.local.autoscaling.controller import Controller
from cartwheel.local.autoscaling.journal import Journal
from cartwheel.local.child_processes import ChildProcesses
from cartwheel.local.command_lines import command_line
from cartwheel.local.console_process import NAME as CONSOLE
from cartwheel.local.console_process import ConsoleProcess
from cartwheel.local.control_socket import Message, serve_control_socket
from cartwheel.local.edges import Edge
from cartwheel.local.events import EventSink, emitter_for
from cartwheel.local.faults.event_loops import blockable
from cartwheel.local.faults.sessions import FaultSessions
from cartwheel.local.faults.targets import Targets
from cartwheel.local.open_files import open_files_limit, raise_open_files_limit
from cartwheel.local.replica_process import Replica
from cartwheel.local.replica_set import ReplicaSet
from cartwheel.local.run_state import Phase, RunState, RunWatch, running_services
from cartwheel.local.service_environment import service_environment
from cartwheel.local.settings import LocalSettings
from cartwheel.local.signals import stop_signals
from cartwheel.local.sockets import OWN_HOST, ListeningSockets
from cartwheel.local.startup import start_all
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.status import shop_status
from cartwheel.local.store_proxies import StoreProxies, open_store_proxies
from cartwheel.local.store_setup import migrate_stores, seed
from cartwheel.local.stores import open_stores
from cartwheel.local.timeouts import Timeouts
from cartwheel.local.topology import ServiceSpec, by_name, check_replica_count, find_service
from cartwheel.local.warm_start import NoWarmStart, ReplicaStart, modules_to_import, open_warm_start

# After `kill_all`, how long an orderly exit may take, and the exit code if it takes longer.
KILL_TIMEOUT = 1.0
KILLED_EXIT_CODE = 128 + signal.SIGINT


class ScaleResult(NamedTuple):
    """The count of replicas before, and whether all new ones became ready in time."""

    before: int
    ready: bool


class Supervisor:
    """Runs the shop on this machine. `run` returns when the shop has been stopped."""

    def __init__(
        self,
        shop: Sequence[ServiceSpec],
        *,
        settings: LocalSettings,
        state: StateFolder,
        events: EventSink,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 – frozen
        autoscaler: ChosenAutoscaler | None = None,
    ) -> None:
        self._shop = by_name(shop)
        self._settings = settings
        self._state = state
        self._events = events
        self._timeouts = timeouts
        self._autoscaler = autoscaler
        self._controller: Controller | None = None
        self._processes = ChildProcesses(open_files=open_files_limit())
        self._replica_sets: dict[str, ReplicaSet] = {}
        self._stores: Sequence[Replica] = ()
        self._edges: list[Edge] = []
        self._faults: FaultSessions | None = None
        self._started_at = time.time()
        self._is_ready = False
        self._watch = RunWatch(self._run_state)
        self._console: ConsoleProcess | None = None
        self._stop_requested = asyncio.Event()
        self._is_stopping = False  # also set when the run fails without a request to stop

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Run until a signal, `stop` or ``cartwheel down``. Raises `UsageError`."""
        asyncio.get_running_loop().set_exception_handler(self._report_internal_error)
        raise_open_files_limit()  # for the connections through its proxies
        with (
            self._state.locked(),
            stop_signals(stop=self.stop, kill=self.kill_all, is_stopping=self._stops_already),
            ExitStack() as opened,
        ):
            self._state.prepare()
            sockets = {name: opened.enter_context(self._open_sockets(name)) for name in self._shop}
            if self._settings.console:
                self._console = self._new_console(opened.enter_context(self._open_sockets(CONSOLE)))
            folder = display_path(self._state.root)
            self._events.emit(
                "pending", "cartwheel", f"starts: {self._settings.stores} stores, all in {folder}"
            )
            running = asyncio.create_task(self._run_shop(sockets, on_ready))
            stopping = asyncio.create_task(self._stop_requested.wait())
            await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
            # `_run_shop` ends by itself only with an error, which it raises after its clean-up.
            stopping.cancel()
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled() and not self._processes.closed:
                running.result()

    def stop(self) -> None:
        """Stop everything in order."""
        self._stop_requested.set()
        self._watch.notify()

    def kill_all(self) -> None:
        """Kill every process and exit, whatever state the event loop is in."""
        self._processes.kill_all()
        # `run` may still return in time. A thread enforces the exit, as the loop may be blocked.
        deadline = Timer(KILL_TIMEOUT, os._exit, [KILLED_EXIT_CODE])
        deadline.daemon = True
        deadline.start()

    def status(self) -> Message:
        """What `cartwheel status` shows."""
        return shop_status(
            self._replica_sets,
            self._stores,
            controller=self._controller,
            faults=self._faults.status() if self._faults else [],
            console=self._console,
            settings=self._settings,
            state=self._state,
        )

    async def scale(self, service: str, count: int) -> ScaleResult:
        """Have ``count`` replicas of a service.

        Raises `UsageError` for an unknown service or a count out of range, `CommandError` while
        the shop starts or stops.
        """
        find_service(self._shop, service)
        check_replica_count(count)
        replicas = self._replica_set(service)
        before = replicas.desired
        if count != before:
            self._events.emit("pending", service, f"{before} → {count} replicas")
        return ScaleResult(before, await replicas.scale(count))

    async def rolling_restart(self, service: str) -> None:
        """Replace every replica of a service without losing a request. Raises `CommandError`."""
        replicas = self._replica_set(service)
        if not replicas.desired:
            start = command_line(self._state.root, f"scale {service} 1")
            raise CommandError(f"{service} has no replica to restart. To have one: {start}")
        self._events.emit(
            "pending", service, "rolling restart: a new replica starts, then an old one stops"
        )
        await replicas.rolling_restart()
        self._events.emit("success", service, "rolling restart done")

    async def _run_shop(
        self, sockets: Mapping[str, ListeningSockets], on_ready: Callable[[], None]
    ) -> None:
        async with (
            serve_control_socket(
                self._state.control_socket,
                self._handle_command,
                followed={"watch": self._watch.states},
            ),
            # First: its imports take as long as the stores and their schemas.
            self._open_warm_start() as warm_start,
            open_stores(
                self._shop.values(),
                self._settings,
                self._state,
                events=self._events,
                timeouts=self._timeouts,
                processes=self._processes,
            ) as stores,
            open_store_proxies(stores.urls, requested=self._settings.chaos) as proxies,
        ):
            self._stores = stores.processes
            changes = await migrate_stores(self._shop.values(), stores.urls, self._processes)
            for change in changes:
                self._events.emit("success", "schema", change)
            try:
                await self._start_services(proxies.urls, sockets, warm_start)
                async with self._serve_faults(stores.urls, proxies):
                    self._is_ready = True
                    self._watch.notify()
                    # Not before: the shop is to be ready soon.
                    if self._console is not None:
                        self._console.start()
                    on_ready()
                    await self._autoscale()
                    await asyncio.Event().wait()  # until `run` cancels this task
            finally:
                await self._stop_services()

    def _open_warm_start(self) -> AbstractAsyncContextManager[ReplicaStart]:
        if not self._settings.warm_start:
            return nullcontext(NoWarmStart())
        modules = modules_to_import(
            self._shop.values(), real_stores=self._settings.stores == "real"
        )
        return open_warm_start(modules, processes=self._processes, events=self._events)

    async def _start_services(
        self,
        stores: Mapping[str, str],
        sockets: Mapping[str, ListeningSockets],
        warm_start: ReplicaStart,
    ) -> None:
        for name, spec in self._shop.items():
            if self._settings.chaos:
                spec = blockable(spec, self._state.root)
            self._replica_sets[name] = ReplicaSet(
                spec,
                sockets=sockets[name],
                environment=self._environment(spec, stores),
                state=self._state,
                events=self._events,
                timeouts=self._timeouts,
                processes=self._processes,
                warm_start=warm_start,
                edges=self._edges_to(name),
            )
            self._replica_sets[name].watch(self._watch.notify)
        if self._autoscaler is not None:
            self._controller = self._new_controller(self._autoscaler)
        await start_all(
            [
                *(self._start_service(replicas) for replicas in self._replica_sets.values()),
                *(self._seed(spec, stores) for spec in self._shop.values() if spec.seed),
            ]
        )

    def _edges_to(self, callee: str) -> Sequence[Edge]:
        """The edges of all callers of a service, which are remembered."""
        edges = [
            Edge(
                caller,
                callee,
                file=self._state.endpoints_file(callee, caller=caller),
                emit=emitter_for(self._events, callee),
                always_proxied=self._settings.chaos,
            )
            for caller, spec in self._shop.items()
            if callee in spec.upstreams
        ]
        self._edges += edges
        return edges

    def _serve_faults(
        self, store_urls: Mapping[str, str], proxies: StoreProxies
    ) -> AbstractAsyncContextManager[None]:
        """Accept fault sessions. They end before any process is asked to stop."""
        targets = Targets(
            self._replica_sets,
            self._stores,
            edges=self._edges,
            store_urls=store_urls,
            store_proxies=proxies.by_service,
            settings=self._settings,
            state=self._state,
        )
        self._faults = FaultSessions(targets, self._events, on_change=self._watch.notify)
        return self._faults.serve(self._state.fault_socket)

    def _new_console(self, sockets: ListeningSockets) -> ConsoleProcess:
        return ConsoleProcess(
            sockets,
            state=self._state,
            events=self._events,
            timeouts=self._timeouts,
            processes=self._processes,
        )

    def _new_controller(self, autoscaler: ChosenAutoscaler) -> Controller:
        return Controller(
            autoscaler,
            replicas=self._replica_sets[autoscaler.service],
            sync_period=self._settings.autoscale_sync_period,
            resolution=self._settings.autoscale_resolution,
            journal=Journal(self._state.recording),
            emit=emitter_for(self._events, autoscaler.service),
        )

    async def _start_service(self, replicas: ReplicaSet) -> None:
        if not await replicas.scale(replicas.spec.replicas):
            folder = display_path(self._state.log_folder(replicas.spec.name))
            self._events.emit("failure", replicas.spec.name, f"is not ready yet: see {folder}")

    async def _autoscale(self) -> None:
        if self._controller is not None:
            await self._controller.run()

    async def _seed(self, spec: ServiceSpec, stores: Mapping[str, str]) -> None:
        for line in await seed(spec, self._environment(spec, stores), self._processes):
            self._events.emit("success", "seed", line.removeprefix(f"{spec.name}: "))

    async def _stop_services(self) -> None:
        # No command may start a replica from here on.
        self._is_stopping = True
        if any(replicas.replicas for replicas in self._replica_sets.values()):
            self._events.emit("pending", "cartwheel", "stopping (Ctrl-C again: at once)")
        stops = [replicas.stop() for replicas in self._replica_sets.values()]
        if self._console is not None:
            stops.append(self._console.stop())
        await asyncio.gather(*stops)

    def _is_autoscaled(self, service: str) -> bool:
        return self._autoscaler is not None and self._autoscaler.service == service

    def _running_controller(self) -> Controller:
        if self._autoscaler is None:
            start = command_line(self._state.root, "up --autoscale requests")
            raise CommandError(f"The autoscaler is off. To have one: {start}")
        if self._controller is None:
            raise CommandError("Cartwheel is just starting: try again in a moment.")
        return self._controller

    async def _change_autoscaler(
        self, manifest: str, *, source: str, made_from: str | None
    ) -> Message:
        """Put another manifest in force. Raises `UsageError` if it cannot be used."""
        controller = self._running_controller()
        # In a thread: a manifest may be long, and replicas are probed meanwhile.
        chosen = await asyncio.to_thread(
            autoscaler_of_text, manifest, list(self._shop), source=source
        )
        controller.change(chosen, made_from=made_from)
        return controller.snapshot()

    def _run_state(self) -> RunState:
        """What `watch` sends."""
        phase: Phase = "running" if self._is_ready else "starting"
        return RunState(
            os.getpid(),
            self._started_at,
            "stopping" if self._stops_already() else phase,
            running_services(self._replica_sets.values()),
            self._autoscaler.service if self._autoscaler else None,
            self._faults.status() if self._faults else [],
        )

    def _stops_already(self) -> bool:
        return self._stop_requested.is_set() or self._is_stopping

    def _environment(self, spec: ServiceSpec, stores: Mapping[str, str]) -> dict[str, str]:
        return service_environment(spec, self._settings, self._state, stores.get(spec.name))

    def _open_sockets(self, service: str) -> AbstractContextManager[ListeningSockets]:
        port = self._settings.port_of(service)
        host = OWN_HOST if service == CONSOLE else self._settings.host
        return closing(ListeningSockets(host, port, service))

    def _replica_set(self, service: str) -> ReplicaSet:
        find_service(self._shop, service)
        if self._is_stopping or service not in self._replica_sets:
            phase = "stopping" if self._is_stopping else "just starting"
            raise CommandError(f"Cartwheel is {phase}: try again in a moment.")
        return self._replica_sets[service]

    def _report_internal_error(
        self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]
    ) -> None:
        """Report an error of a callback or of a task that nobody awaits."""
        error = context.get("exception")
        message = describe_error(error) if error else context["message"]
        self._events.emit("failure", "cartwheel", f"internal error: {message}")

    async def _handle_command(self, request: Message) -> Message:
        """Execute a command from another terminal. Raises `CommandError`."""
        started = time.monotonic()
        match request:
            case {"command": "status"}:
                return self.status()
            case {"command": "scale", "service": str(service), "count": int(count)}:
                before, ready = await self.scale(service, count)
                seconds = _seconds_since(started)
                return {
                    "before": before,
                    "ready": ready,
                    "seconds": seconds,
                    "desired": self._replica_set(service).desired,
                    "is_autoscaled": self._is_autoscaled(service),
                }
            case {"command": "restart", "service": str(service)}:
                await self.rolling_restart(service)
                return {"seconds": _seconds_since(started)}
            case {"command": "autoscaler", "manifest": str(manifest)}:
                source = request.get("source") or "the manifest"
                return await self._change_autoscaler(
                    manifest, source=str(source), made_from=request.get("made_from")
                )
            case {"command": "autoscaler"}:
                return self._running_controller().snapshot()
            case {"command": "down"}:
                self.stop()
                return {"pid": os.getpid()}
        raise CommandError("The supervisor does not know this command: is it an older one?")


def _seconds_since(started: float) -> float:
    return round(time.monotonic() - started, 2)

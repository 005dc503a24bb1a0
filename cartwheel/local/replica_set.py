"""All replicas of one service: scaling, rolling restarts, and the endpoints file."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cartwheel.errors import CommandError
from cartwheel.invocation import display_path
from cartwheel.local.child_processes import ChildProcesses
from cartwheel.local.edges import Edge
from cartwheel.local.endpoints import EndpointsFile
from cartwheel.local.events import EventSink, emitter_for
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.replica_process import InvalidSettings, Replica, State
from cartwheel.local.service_program import ServiceProgram
from cartwheel.local.sockets import ListeningSockets
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.timeouts import Timeouts
from cartwheel.local.topology import ServiceSpec
from cartwheel.local.warm_start import NoWarmStart, ReplicaStart

# No vowels and no characters that look alike: no suffix reads as a word or as another suffix.
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX_LENGTH = 5


class ReplicaSet:
    """The replicas of one service, which share its listening sockets."""

    def __init__(
        self,
        spec: ServiceSpec,
        *,
        sockets: ListeningSockets,
        environment: Mapping[str, str],
        state: StateFolder,
        events: EventSink,
        timeouts: Timeouts,
        processes: ChildProcesses,
        warm_start: ReplicaStart,
        edges: Sequence[Edge] = (),
    ) -> None:
        """``edges`` are those of its callers."""
        self.spec = spec
        self.sockets = sockets
        # What was asked for last. `current` follows it, and is one more during a rolling restart.
        self.desired = 0
        self._environment = environment
        self._processes = processes
        self._program = self._new_program(environment, warm_start)
        self._state = state
        self._events = events
        self._timeouts = timeouts
        self._replicas: list[Replica] = []
        self._watchers: list[Callable[[], None]] = []
        file = EndpointsFile(state.endpoints_file(spec.name), emitter_for(events, spec.name))
        self._endpoints: Sequence[EndpointsFile | Edge] = (file, *edges)
        # One change at a time chooses the replicas to start and stop. Draining happens outside.
        self._change_lock = asyncio.Lock()
        self._publish()

    @property
    def replicas(self) -> Sequence[Replica]:
        """All replicas, including those that are stopping."""
        return tuple(self._replicas)

    @property
    def endpoints_problem(self) -> str | None:
        """Why an endpoints file is out of date; None when none is."""
        return next((one.problem for one in self._endpoints if one.problem), None)

    @property
    def ready(self) -> list[Replica]:
        return [replica for replica in self._replicas if replica.state is State.READY]

    @property
    def current(self) -> int:
        """How many replicas there are, without those that are stopping."""
        return len(self._active)

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call this at each change: of the desired count, or of the state of a replica."""
        self._watchers.append(on_change)

    async def scale(self, count: int) -> bool:
        """Have ``count`` replicas; returns when new ones are ready and surplus ones have stopped.

        False when some were not ready in time (they go on trying) or were stopped by a later
        change. Raises `InvalidSettings`.
        """
        self.desired = count
        self._notify_watchers()
        async with self._change_lock:
            # A later call may have changed it while this one waited.
            count = self.desired
            if count:
                self.sockets.open()
            active = self._active
            started = [self._start() for _ in range(count - len(active))]
            surplus = sorted(active, key=_scale_down_key)[: max(0, len(active) - count)]
        results, _ = await asyncio.gather(
            asyncio.gather(
                *(replica.wait_ready(self._timeouts.ready_timeout) for replica in started)
            ),
            asyncio.gather(*(self._drain(replica) for replica in surplus)),
        )
        if not self.desired and not self._replicas:
            # With no replica to accept, open sockets would let callers wait without end.
            self.sockets.close()
        return all(results)

    async def rolling_restart(self) -> None:
        """Replace the replicas one by one: a new one becomes ready, then an old one stops.

        The service can be scaled between two of them. Raises `CommandError` when a new one does
        not become ready; the old ones then stay.
        """
        for old in self._active:
            async with self._change_lock:
                if old.is_stopping:
                    continue
                await self._start_successor()
            # Draining begins before the lock is given to another change.
            await self._drain(old)

    async def replace_one(self, variables: Mapping[str, str]) -> Replica:
        """Replace a replica by one with these environment variables too; returns the new one.

        Raises `CommandError`.
        """
        # Not forked: the loader reads some variables before a program runs.
        program = self._new_program({**self._environment, **variables}, NoWarmStart())
        async with self._change_lock:
            if not self._active:
                raise CommandError(f"{self.spec.name} has no replica that runs.")
            old = self._active[0]
            new = await self._start_successor(program)
        await self._drain(old)
        return new

    async def restore(self, replaced: Replica) -> None:
        """Replace a replica by an ordinary one, unless it stops already. Raises `CommandError`."""
        async with self._change_lock:
            if replaced not in self._active:
                return
            await self._start_successor()
        await self._drain(replaced)

    async def _start_successor(self, program: ServiceProgram | None = None) -> Replica:
        new = self._start(program)
        if await self._becomes_ready(new):
            return new
        await self._drain(new)
        log = display_path(self._log_file(new.name))
        raise CommandError(
            f"{new.name} did not become ready: {len(self._active)} older replicas stay. See {log}."
        )

    async def stop(self) -> None:
        """Stop all replicas in parallel, when the whole shop stops."""
        grace_period = self._timeouts.shutdown_grace_period
        await asyncio.gather(
            *(replica.stop(grace_period=grace_period) for replica in self._replicas)
        )
        for endpoints in self._endpoints:
            endpoints.close()
        self.sockets.close()

    @property
    def _active(self) -> list[Replica]:
        return [replica for replica in self._replicas if not replica.is_stopping]

    def _new_program(
        self, environment: Mapping[str, str], warm_start: ReplicaStart
    ) -> ServiceProgram:
        return ServiceProgram(
            self.spec.factory,
            sockets=self.sockets,
            environment=environment,
            processes=self._processes,
            warm_start=warm_start,
        )

    def _start(self, program: ServiceProgram | None = None) -> Replica:
        name = self._new_name()
        emit = emitter_for(self._events, name)
        replica = Replica(
            name,
            program=program or self._program,
            log=ReplicaLog(
                self._log_file(name), on_error=lambda error: emit("failure", error), emit=emit
            ),
            events=self._events,
            timeouts=self._timeouts,
            on_change=self._publish,
        )
        self._replicas.append(replica)
        return replica

    async def _becomes_ready(self, replica: Replica) -> bool:
        try:
            return await replica.wait_ready(self._timeouts.ready_timeout)
        except InvalidSettings:
            return False

    async def _drain(self, replica: Replica) -> None:
        self._events.emit("pending", replica.name, "stops: finishes the requests it has accepted")
        await replica.stop(
            grace_period=self._timeouts.termination_grace_period,
            pre_stop_delay=self._timeouts.pre_stop_delay,
        )
        self._replicas.remove(replica)

    def _notify_watchers(self) -> None:
        for on_change in self._watchers:
            on_change()

    def _publish(self) -> None:
        self._notify_watchers()
        ready = [(replica.name, replica.port) for replica in self.ready if replica.port]
        for endpoints in self._endpoints:
            endpoints.publish(ready)

    def _new_name(self) -> str:
        suffix = (secrets.choice(SUFFIX_ALPHABET) for _ in range(SUFFIX_LENGTH))
        return f"{self.spec.name}-{''.join(suffix)}"

    def _log_file(self, name: str) -> Path:
        return self._state.log_folder(self.spec.name) / f"{name}.log"


def _scale_down_key(replica: Replica) -> tuple[bool, float]:
    """Sorts replicas that are not ready first, then the youngest."""
    return replica.state is State.READY, -replica.state_since

"""All replicas of one service: how many there are, and who can be called."""

import asyncio
import secrets
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from cartwheel.errors import CommandError
from cartwheel.local.child_processes import Processes
from cartwheel.local.command_lines import shown
from cartwheel.local.endpoints import EndpointsFile
from cartwheel.local.events import Events, told_of
from cartwheel.local.probe import readiness
from cartwheel.local.replica import Condition, Replica, State, Timeouts, WrongSettings
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.sockets import Door, listen_anywhere, port_of
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import ServiceSpec

# Letters and digits that nobody mistakes for one another or reads a word into.
NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
NAME_LENGTH = 5


class ServiceProgram:
    """One process of a service, on the shared socket and one of its own."""

    stop_with = signal.SIGTERM

    def __init__(
        self,
        factory: str,
        *,
        door: Door,
        environment: Mapping[str, str],
        processes: Processes,
    ) -> None:
        self._factory = factory
        self._door = door
        self._environment = environment
        self._processes = processes

    async def start(self, name: str) -> tuple[Process, int]:
        # The child is the only one to hold its own socket: when it dies, callers are refused
        # at once instead of waiting for somebody who never accepts.
        with listen_anywhere() as own:
            shared = self._door.descriptors
            process = await self._processes.start(
                *(sys.executable, "-m", "app.server", self._factory),
                *(f"--fd={descriptor}" for descriptor in shared),
                f"--own-fd={own.fileno()}",
                descriptors=(*shared, own.fileno()),
                environment={**self._environment, "CARTWHEEL_INSTANCE": name},
            )
            return process, port_of(own)

    async def condition(self, port: int, *, timeout: float) -> Condition:
        return await readiness(port, timeout=timeout)


class ReplicaSet:
    """The replicas of one service behind one door."""

    def __init__(
        self,
        spec: ServiceSpec,
        *,
        door: Door,
        environment: Mapping[str, str],
        state: StateFolder,
        events: Events,
        timeouts: Timeouts,
        processes: Processes,
    ) -> None:
        self.spec = spec
        self.door = door
        self.desired = 0
        self._program = ServiceProgram(
            spec.factory, door=door, environment=environment, processes=processes
        )
        self._state = state
        self._events = events
        self._timeouts = timeouts
        self._replicas: list[Replica] = []
        self._endpoints = EndpointsFile(state.endpoints_file(spec.name), told_of(events, spec.name))
        # One change at a time decides who comes and goes; nobody waits for a drain with it.
        self._changing = asyncio.Lock()
        self._publish()

    @property
    def replicas(self) -> Sequence[Replica]:
        """Those that run or start, and those that are leaving."""
        return tuple(self._replicas)

    @property
    def problem(self) -> str | None:
        """What callers are not told, and why."""
        return self._endpoints.problem

    @property
    def staying(self) -> list[Replica]:
        return [replica for replica in self._replicas if not replica.leaving]

    @property
    def ready(self) -> list[Replica]:
        return [replica for replica in self._replicas if replica.state is State.READY]

    async def scale(self, count: int) -> bool:
        """Have ``count`` replicas; returns when they are ready and the others gone.

        False when some were not ready in time; they go on trying. Raises `WrongSettings`.
        """
        async with self._changing:
            self.desired = count
            if count:
                self.door.open()
            staying = self.staying
            coming = [self._start() for _ in range(count - len(staying))]
            going = sorted(staying, key=_worth)[: max(0, len(staying) - count)]
        results, _ = await asyncio.gather(
            asyncio.gather(
                *(replica.wait_ready(self._timeouts.ready_within) for replica in coming)
            ),
            asyncio.gather(*(self._drain(replica) for replica in going)),
        )
        if not self.desired and not self._replicas:
            # With nobody behind it, an open door would let callers wait for ever.
            self.door.close()
        return all(results)

    async def roll(self) -> None:
        """Replace each replica by a new one: one more comes, then one goes.

        Raises `CommandError` when a new one does not become ready; the old ones then stay.
        """
        async with self._changing:
            for old in self.staying:
                new = self._start()
                if not await self._becomes_ready(new):
                    await self._drain(new)
                    log = shown(self._log_of(new.name))
                    raise CommandError(
                        f"{new.name} did not become ready: the roll stopped, "
                        f"{len(self.staying)} older replicas stay. See {log}."
                    )
                await self._drain(old)

    async def stop(self) -> None:
        """Stop all replicas at once, when the whole shop stops."""
        grace = self._timeouts.grace_when_all_stop
        await asyncio.gather(*(replica.stop(grace=grace) for replica in self._replicas))
        self._endpoints.close()
        self.door.close()

    def _start(self) -> Replica:
        name = self._new_name()
        tell = told_of(self._events, name)
        replica = Replica(
            name,
            program=self._program,
            log=ReplicaLog(self._log_of(name), on_error=lambda what: tell("bad", what), tell=tell),
            events=self._events,
            timeouts=self._timeouts,
            on_change=self._publish,
        )
        self._replicas.append(replica)
        return replica

    async def _becomes_ready(self, replica: Replica) -> bool:
        try:
            return await replica.wait_ready(self._timeouts.ready_within)
        except WrongSettings:
            return False

    async def _drain(self, replica: Replica) -> None:
        self._events.tell("waiting", replica.name, "stops: finishes what it has begun")
        await replica.stop(
            grace=self._timeouts.grace, leave_before=self._timeouts.leave_before_stop
        )
        self._replicas.remove(replica)

    def _publish(self) -> None:
        self._endpoints.publish(
            (replica.name, replica.port) for replica in self.ready if replica.port
        )

    def _new_name(self) -> str:
        letters = (secrets.choice(NAME_LETTERS) for _ in range(NAME_LENGTH))
        return f"{self.spec.name}-{''.join(letters)}"

    def _log_of(self, name: str) -> Path:
        return self._state.log_folder(self.spec.name) / f"{name}.log"


def _worth(replica: Replica) -> tuple[bool, float]:
    """Who goes first: those that serve nobody, then the youngest."""
    return replica.state is State.READY, -replica.since

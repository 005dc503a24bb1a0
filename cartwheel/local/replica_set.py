"""All replicas of one service: how many there are, and who can be called."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import socket

from cartwheel.local.endpoints import write_endpoints
from cartwheel.local.errors import CommandError
from cartwheel.local.events import Events
from cartwheel.local.logs import ReplicaLog
from cartwheel.local.replica import Launch, Patience, Replica, State, WrongSettings
from cartwheel.local.sockets import listen, port_of
from cartwheel.local.state import StateFolder
from cartwheel.local.topology import ServiceSpec

# Letters and digits that nobody mistakes for one another or reads a word into.
NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
NAME_LENGTH = 5


class ReplicaSet:
    """The replicas of one service behind one shared socket."""

    def __init__(
        self,
        spec: ServiceSpec,
        *,
        host: str,
        shared: socket,
        environment: Mapping[str, str],
        state: StateFolder,
        events: Events,
        patience: Patience,
    ) -> None:
        self.spec = spec
        self.host = host
        self.port = port_of(shared)
        self.desired = 0
        self._shared = shared
        self._environment = environment
        self._state = state
        self._events = events
        self._patience = patience
        self._replicas: list[Replica] = []
        self._written: list[tuple[str, int]] | None = None
        # One change at a time decides who comes and goes; nobody waits for a drain with it.
        self._changing = asyncio.Lock()
        self._publish()

    @property
    def replicas(self) -> Sequence[Replica]:
        """Those that run or start, and those that are leaving."""
        return tuple(self._replicas)

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
            self._open_door()
            staying = self.staying
            coming = [self._start() for _ in range(count - len(staying))]
            going = sorted(staying, key=_worth)[: max(0, len(staying) - count)]
        results, _ = await asyncio.gather(
            asyncio.gather(
                *(replica.wait_ready(self._patience.ready_within) for replica in coming)
            ),
            asyncio.gather(*(self._drain(replica) for replica in going)),
        )
        self._close_door()
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
                    raise CommandError(
                        f"{new.name} did not become ready: the roll stopped, "
                        f"{len(self.staying)} older replicas stay. See {self._log_of(new.name)}."
                    )
                await self._drain(old)

    async def stop(self) -> None:
        """Stop all replicas at once, when the whole shop stops."""
        grace = self._patience.grace_when_all_stop
        await asyncio.gather(*(replica.stop(grace=grace) for replica in self._replicas))
        self._shared.close()

    def kill(self) -> None:
        for replica in self._replicas:
            replica.kill()

    def _start(self) -> Replica:
        name = self._new_name()
        log = ReplicaLog(
            self._log_of(name), on_error=lambda what: self._events.tell("bad", name, what)
        )
        replica = Replica(
            name,
            launch=Launch(self.spec.factory, self._shared, self._environment),
            log=log,
            events=self._events,
            patience=self._patience,
            on_change=self._publish,
        )
        self._replicas.append(replica)
        return replica

    async def _becomes_ready(self, replica: Replica) -> bool:
        try:
            return await replica.wait_ready(self._patience.ready_within)
        except WrongSettings:
            return False

    async def _drain(self, replica: Replica) -> None:
        self._events.tell("waiting", replica.name, "stops: finishes what it has begun")
        await replica.stop(
            grace=self._patience.grace, leave_before=self._patience.leave_before_stop
        )
        self._replicas.remove(replica)

    def _open_door(self) -> None:
        if self.desired and self._shared.fileno() < 0:
            self._shared = listen(self.host, self.port, self.spec.name)

    def _close_door(self) -> None:
        # With nobody behind it, an open socket would let callers wait for ever; a closed one
        # tells them at once.
        if not self.desired and not self._replicas:
            self._shared.close()

    def _publish(self) -> None:
        ready = [(replica.name, replica.port) for replica in self.ready if replica.port]
        if ready != self._written:
            write_endpoints(self._state.endpoints_file(self.spec.name), ready)
            self._written = ready

    def _new_name(self) -> str:
        letters = (secrets.choice(NAME_LETTERS) for _ in range(NAME_LENGTH))
        return f"{self.spec.name}-{''.join(letters)}"

    def _log_of(self, name: str) -> Path:
        return self._state.log_folder(self.spec.name) / f"{name}.log"


def _worth(replica: Replica) -> tuple[bool, float]:
    """Who goes first: those that serve nobody, then the youngest."""
    return replica.state is State.READY, -replica.since

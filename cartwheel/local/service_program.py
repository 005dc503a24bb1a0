"""A replica's program when it runs a service: `python -m app.server`."""

import signal
import sys
from collections.abc import Mapping

from cartwheel.local.child_processes import Child, ChildProcesses
from cartwheel.local.probe import probe_readiness
from cartwheel.local.program import ProbeResult
from cartwheel.local.sockets import ListeningSockets, listen_on_free_port, port_of
from cartwheel.local.warm_start import ReplicaStart


class ServiceProgram:
    """Runs one process of a service, on the shared sockets and on a socket of its own."""

    stop_signal = signal.SIGTERM

    def __init__(
        self,
        factory: str,
        *,
        sockets: ListeningSockets,
        environment: Mapping[str, str],
        processes: ChildProcesses,
        warm_start: ReplicaStart,
    ) -> None:
        self._factory = factory
        self._sockets = sockets
        self._environment = environment
        self._processes = processes
        self._warm_start = warm_start

    async def start(self, name: str) -> tuple[Child, int]:
        # Only the child keeps its own socket open. When it dies, connections are refused at once
        # instead of waiting in a queue that nobody accepts from.
        with listen_on_free_port() as own:
            shared = self._sockets.descriptors
            environment = {**self._environment, "CARTWHEEL_INSTANCE": name}
            process = await self._warm_start.start(
                self._factory, environment=environment, own=own, shared=shared
            )
            if process is None:
                process = await self._processes.start(
                    *(sys.executable, "-m", "app.server", self._factory),
                    *(f"--fd={descriptor}" for descriptor in shared),
                    f"--own-fd={own.fileno()}",
                    descriptors=(*shared, own.fileno()),
                    environment=environment,
                )
            return process, port_of(own)

    async def probe(self, port: int, *, timeout: float) -> ProbeResult:
        return await probe_readiness(port, timeout=timeout)

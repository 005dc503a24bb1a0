"""Blocking the event loop of a replica, as code that does not yield would."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cartwheel.errors import CommandError
from cartwheel.local.faults import blockable_service
from cartwheel.local.replica_process import Replica, State
from cartwheel.local.topology import ServiceSpec


def blockable(spec: ServiceSpec, folder: Path) -> ServiceSpec:
    """The service, started so that its event loop can be blocked."""
    return replace(
        spec,
        factory=f"{blockable_service.__name__}:create",
        environment={
            **spec.environment,
            blockable_service.FACTORY_VARIABLE: spec.factory,
            blockable_service.REQUEST_VARIABLE: str(folder),
        },
    )


def forget_requests(folder: Path) -> None:
    """Delete what a supervisor left behind that was killed."""
    for file in folder.glob(blockable_service.request_file(folder, "*").name):
        file.unlink(missing_ok=True)


@contextmanager
def event_loop_blocked(replica: Replica, *, seconds: float, folder: Path) -> Iterator[None]:
    """Block the event loop of its process, for no longer than the block. Raises `CommandError`."""
    # Before it is ready it may not listen to the signal, which would end it.
    if replica.process is None or replica.state is not State.READY:
        raise CommandError(f"{replica.name} is not ready: its event loop cannot be blocked.")
    file = blockable_service.request_file(folder, replica.name)
    try:
        file.write_text(str(seconds))
        replica.process.send_signal(blockable_service.SIGNAL)
        yield
    finally:
        file.unlink(missing_ok=True)

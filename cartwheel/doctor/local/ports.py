"""The ports of the services, where no shop runs that has them already."""

from collections.abc import Iterator
from contextlib import closing

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.doctor.local.machine import Machine
from cartwheel.local.sockets import CannotListen, ListeningSockets
from cartwheel.local.topology import SHOP


def examine(machine: Machine) -> Iterator[Outcome]:
    if machine.running_pid is not None:
        return
    findings = [finding for spec in SHOP for finding in _not_free(machine, spec.name)]
    yield from findings
    if not findings:
        yield Healthy(f"{len(SHOP)} ports are free")


def _not_free(machine: Machine, service: str) -> Iterator[Finding]:
    host, port = machine.settings.host, machine.settings.port_of(service)
    try:
        # As a start would do it.
        with closing(ListeningSockets(host, port, service)):
            pass
    except CannotListen as error:
        yield Finding(
            about=f"port {port} of {service}",
            problem=f"it {error.reason}",
            evidence=f"listening on {host}:{port} was tried",
            command=f"{machine.command('up')} --port-{service} {port + 1}",
            # The next start would fail; nothing that runs does.
            severity=Severity.RISK,
        )


CHECK = Check("ports", "whether the ports of the services are free, or who has them", examine)

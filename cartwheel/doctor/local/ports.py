"""The ports of the services and the console, where no shop runs that has them already."""

from collections.abc import Iterator
from contextlib import closing

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.doctor.local.machine import Machine
from cartwheel.local.console_process import NAME as CONSOLE
from cartwheel.local.sockets import OWN_HOST, CannotListen, ListeningSockets
from cartwheel.local.topology import SHOP


def examine(machine: Machine) -> Iterator[Outcome]:
    if machine.running_pid is not None:
        return
    settings = machine.settings
    hosts = {spec.name: settings.host for spec in SHOP}
    if settings.console:
        hosts[CONSOLE] = OWN_HOST
    findings = [one for name, host in hosts.items() for one in _not_free(machine, name, host)]
    yield from findings
    if not findings:
        yield Healthy(f"{len(hosts)} ports are free")


def _not_free(machine: Machine, service: str, host: str) -> Iterator[Finding]:
    port = machine.settings.port_of(service)
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


CHECK = Check("ports", "whether the ports of the shop are free, or who has them", examine)

"""The settings of the next start."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.local.machine import Machine
from cartwheel.errors import UsageError


def examine(machine: Machine) -> Iterator[Outcome]:
    try:
        machine.settings  # noqa: B018 - reading them is the check
    except UsageError as error:
        for problem in str(error).splitlines():
            yield Finding(
                about="settings",
                problem=problem.rstrip("."),
                evidence="`cartwheel up` would read the same environment variables",
                command="env | grep CARTWHEEL_",
            )
    else:
        yield Healthy("settings")


CHECK = Check("settings", "the settings that `cartwheel up` would read", examine)

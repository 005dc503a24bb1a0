"""Checks of this machine and of the shop that runs on it.

`CHECKS` is in the order in which one thing needs the other.
"""

from collections.abc import Sequence

from cartwheel.doctor.check import Check
from cartwheel.doctor.local import (
    environment,
    line_endings,
    metrics,
    ports,
    proxies,
    replicas,
    settings,
    state_folder,
    stores,
    supervisor,
)
from cartwheel.doctor.local.machine import Machine

CHECKS: Sequence[Check[Machine]] = (
    environment.CHECK,
    line_endings.CHECK,
    settings.CHECK,
    state_folder.CHECK,
    supervisor.CHECK,
    ports.CHECK,
    stores.CHECK,
    replicas.CHECK,
    metrics.CHECK,
    proxies.CHECK,
)

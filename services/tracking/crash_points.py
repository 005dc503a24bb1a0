"""Where a checkout can be made to crash. Only tests use this.

The saga names each point between two effects: ``before-pay``, ``after-pay``, …, and
``before-answer``. `CARTWHEEL_KILL_POINT` names the one at which the process kills itself, as a
power cut would.
"""

import os
import signal
from collections.abc import Callable
from typing import Annotated

from pydantic import StringConstraints

KillPoint = Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,40}$")]
CrashPoints = Callable[[str], None]
"""Called with the name of each point. Returns unless the process is to crash there."""


def never_crash(_: str) -> None:
    """Without a kill point."""


def crash_points(kill_point: str | None) -> CrashPoints:
    """Kill this process at ``kill_point``, if there is one."""
    if kill_point is None:
        return never_crash

    def kill_at(point: str) -> None:
        if point == kill_point:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill_at

"""How far a metric may be from its target before anything changes."""

from dataclasses import dataclass

from cartwheel.autoscaling.spec import Behavior, ControllerOptions


@dataclass(frozen=True)
class Tolerance:
    """Shares of the target, one for each direction."""

    down: float
    up: float

    def contains(self, ratio: float) -> bool:
        """Whether value ÷ target is close enough to 1; both ends are included."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def tolerance_of(behavior: Behavior | None, options: ControllerOptions) -> Tolerance:
    """The tolerance of an autoscaler; a direction without its own has the controller's.

    Source: KEP-4951 (`behavior.scaleUp.tolerance`, `behavior.scaleDown.tolerance`).
    """
    if behavior is None:
        return Tolerance(options.tolerance, options.tolerance)
    down, up = behavior.scale_down.tolerance, behavior.scale_up.tolerance
    return Tolerance(
        options.tolerance if down is None else down, options.tolerance if up is None else up
    )

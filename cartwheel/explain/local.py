"""Explains the autoscaler of the local run: its last decision, or an earlier one."""

from pathlib import Path

from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.explanation import Explanation
from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.times import TimeOfDay
from cartwheel.invocation import display_path

RECORDING = "autoscaling.jsonl"


def explain_local(
    state_dir: Path | None, *, service: str | None = None, at: TimeOfDay | None = None
) -> list[Explanation]:
    """The autoscaler of the run in this state folder. Raises `CommandError`."""
    try:
        # Imported here: they come with the shop, which explains no cluster.
        from cartwheel.local.command_lines import command_line
        from cartwheel.local.settings import load_local_settings
        from cartwheel.local.state_folder import StateFolder
    except ModuleNotFoundError:
        raise UsageError(
            "The shop is not installed here, so nothing runs on this machine. To explain an "
            "autoscaler of a cluster: cartwheel explain hpa/NAME -n NAMESPACE"
        ) from None
    state = StateFolder.at(load_local_settings(state_dir=state_dir).state_dir)
    recording = state.root / RECORDING
    if at is None and state.running_pid() is None:
        start = command_line(state.root, "up")
        raise CommandError(f"Nothing runs in {display_path(state.root)}. To start it: {start}")
    if not recording.exists():
        raise CommandError(f"No autoscaler has decided in {display_path(state.root)} yet.")
    return explain_recorded(recording, name=service, at=at)

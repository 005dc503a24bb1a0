"""Explains the autoscaler of the local run: its last decision, or an earlier one."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.explanation import Explanation, Sync, explain_sync
from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.times import TimeOfDay
from cartwheel.invocation import display_path

if TYPE_CHECKING:
    from cartwheel.local.state_folder import StateFolder

RESPONSE_TIMEOUT = 10.0  # seconds


def explain_local(
    state_dir: Path | None, *, service: str | None = None, at: TimeOfDay | None = None
) -> list[Explanation]:
    """The autoscaler of the run in this state folder. Raises `CommandError`."""
    try:
        # Imported here: it comes with the shop, which a cluster does not need.
        from cartwheel.local.settings import load_local_settings
        from cartwheel.local.state_folder import StateFolder
    except ModuleNotFoundError:
        raise UsageError(
            "The shop is not installed here, so nothing runs on this machine. To explain an "
            "autoscaler of a cluster: cartwheel explain hpa/NAME -n NAMESPACE"
        ) from None
    state = StateFolder.at(load_local_settings(state_dir=state_dir).state_dir)
    if at is None:
        return [_explain_now(state, service)]
    if not state.recording.exists():
        raise CommandError(f"No autoscaler has decided anything in {display_path(state.root)} yet.")
    return explain_recorded(state.recording, name=service, at=at)


def _explain_now(state: "StateFolder", service: str | None) -> Explanation:
    from cartwheel.local.autoscaling.snapshot import snapshot_of
    from cartwheel.local.command_lines import command_line
    from cartwheel.local.control_socket import send_command

    if state.running_pid() is None:
        start = command_line(state.root, "up")
        raise CommandError(f"Nothing runs in {display_path(state.root)}. To start it: {start}")
    found = snapshot_of(
        send_command(state.control_socket, {"command": "autoscaler"}, timeout=RESPONSE_TIMEOUT)
    )
    if service not in (None, found.service, found.autoscaler.name):
        raise UsageError(
            f"The local run scales {found.service}, not {service}. For a cluster, write "
            f"hpa/{service} or scaledobject/{service}."
        )
    if found.observation is None or found.decision is None:
        raise CommandError(f"The autoscaler of {found.service} has decided nothing yet.")
    sync = Sync(
        found.autoscaler,
        found.options,
        found.observation,
        found.decision,
        found.state,
        found.units,
        found.decided_by,
    )
    return explain_sync(sync, source="local run", now=time.time())

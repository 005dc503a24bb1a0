"""Sends commands to the run of a state folder."""

from cartwheel.errors import CommandError
from cartwheel.invocation import display_path
from cartwheel.local.command_lines import command_line
from cartwheel.local.control_socket import Message, send_command
from cartwheel.local.state_folder import StateFolder


def send_to_run(state: StateFolder, request: Message, *, timeout: float) -> Message:
    """Send one command and wait for its response. Raises `CommandError`, also if nothing runs."""
    if state.running_pid() is None:
        start = command_line(state.root, "up")
        raise CommandError(f"Nothing runs in {display_path(state.root)}. To start it: {start}")
    return send_command(state.control_socket, request, timeout=timeout)

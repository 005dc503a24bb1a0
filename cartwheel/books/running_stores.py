"""The stores of the shop that runs now."""

from collections.abc import Mapping

from cartwheel.local.control_socket import send_command
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_urls import running_store_urls

RESPONSE_TIMEOUT = 10.0


def running_stores(state: StateFolder) -> Mapping[str, str]:
    """Their URLs by service. Raises `CommandError` if no shop runs in this folder."""
    request = {"command": "status"}
    status = send_command(state.control_socket, request, timeout=RESPONSE_TIMEOUT)
    return running_store_urls(state, status)

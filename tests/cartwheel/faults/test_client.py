"""The end of a fault session tells what could not be undone, once."""

import asyncio
import json
from pathlib import Path

import pytest

from cartwheel.errors import CommandError
from cartwheel.local.control_socket import error_response, listen_at
from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.state_folder import StateFolder

PROBLEM = CommandError("valkey: fault 1 could not be undone (no response).")


async def undo_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A supervisor that cannot undo anything."""
    await reader.readline()
    writer.write(b"{}\n")
    while await reader.readline():
        writer.write(json.dumps(error_response(PROBLEM)).encode() + b"\n")
    writer.write(json.dumps(error_response(PROBLEM)).encode() + b"\n")
    writer.close()


@pytest.mark.parametrize("undoes", [False, True])
async def test_what_could_not_be_undone_is_raised_once(tmp_path: Path, undoes: bool) -> None:
    state = StateFolder.at(tmp_path)

    def hold_session() -> int:
        raised = 0
        try:
            with open_fault_session(state, "a test") as session:
                if undoes:
                    with pytest.raises(CommandError, match="could not be undone"):
                        session.undo(1)
                    raised += 1
        except CommandError:
            raised += 1
        return raised

    async with await asyncio.start_unix_server(undo_nothing, sock=listen_at(state.fault_socket)):
        assert await asyncio.to_thread(hold_session) == 1

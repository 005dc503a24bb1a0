"""The control socket: a command's error reaches the other terminal as it was raised."""

import asyncio
from pathlib import Path

import pytest

from cartwheel.errors import CommandError, UsageError
from cartwheel.local.control_socket import Message, send_command, serve_control_socket


@pytest.mark.parametrize(
    ("error", "exit_code"), [(CommandError("not now"), 1), (UsageError("not like this"), 2)]
)
async def test_an_error_keeps_its_message_its_class_and_its_exit_code(
    tmp_path: Path, error: CommandError, exit_code: int
) -> None:
    async def fail(_: Message) -> Message:
        raise error

    path = tmp_path / "control.sock"
    async with serve_control_socket(path, fail):
        with pytest.raises(type(error)) as raised:
            await asyncio.to_thread(send_command, path, {"command": "scale"}, timeout=10)
    assert type(raised.value) is type(error)
    assert raised.value.exit_code == exit_code
    assert str(raised.value) == str(error)


async def test_commands_of_several_threads_all_reach_the_socket(tmp_path: Path) -> None:
    """The working directory belongs to the process: one thread must not take it from another."""

    async def succeed(_: Message) -> Message:
        return {}

    here = Path.cwd()
    path = tmp_path / "control.sock"
    async with serve_control_socket(path, succeed):
        for _ in range(20):
            sent = (
                asyncio.to_thread(send_command, path, {"command": "status"}, timeout=10)
                for _ in range(20)
            )
            assert await asyncio.gather(*sent) == [{}] * 20
    assert Path.cwd() == here

"""The control socket: a command's error reaches the other terminal as it was raised."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from cartwheel.errors import CommandError, UsageError
from cartwheel.local.control_socket import (
    Message,
    follow_command,
    send_command,
    serve_control_socket,
)


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


async def test_a_command_that_is_followed_has_a_response_for_each_change(tmp_path: Path) -> None:
    async def count() -> AsyncIterator[Message]:
        for number in (1, 2, 3):
            yield {"number": number}

    path = tmp_path / "control.sock"
    async with serve_control_socket(path, unexpected, followed={"count": count}):
        responses = follow_command(path, {"command": "count"}, timeout=10)
        assert [one["number"] async for one in responses] == [1, 2, 3]


async def test_a_follower_that_goes_ends_what_it_followed(tmp_path: Path) -> None:
    has_ended = asyncio.Event()

    async def wait_for_ever() -> AsyncIterator[Message]:
        try:
            yield {}
            await asyncio.Event().wait()
        finally:
            has_ended.set()

    path = tmp_path / "control.sock"
    async with serve_control_socket(path, unexpected, followed={"watch": wait_for_ever}):
        async with aclosing(follow_command(path, {"command": "watch"}, timeout=10)) as responses:
            await anext(responses)
        await asyncio.wait_for(has_ended.wait(), 10)


async def unexpected(_: Message) -> Message:
    raise AssertionError("no command has a single response here")

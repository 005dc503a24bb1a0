"""Connections that may lose their peer are watched by the kernel."""

import asyncio
import socket
from pathlib import Path

import pytest

from app.client import Upstream
from app.process.vanished_peers import IDLE_SECONDS, limit_unacknowledged, probe_while_idle
from app.telemetry.metrics import Metrics
from tests.app.client.neighbours import neighbour, ok


def is_probed(connection: socket.socket) -> bool:
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


async def test_a_connection_to_an_upstream_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def note(*arguments: object) -> object:
        transport, protocol = await connect(*arguments)
        made.append(transport.get_extra_info("socket"))
        return transport, protocol

    monkeypatch.setattr(loop, "create_connection", note)
    async with neighbour(ok) as server, Upstream("next", server.url, metrics=Metrics("t")) as next_:
        await next_.request("GET", "/")
        assert [is_probed(one) for one in made] == [True]


def test_connections_that_are_accepted_are_probed_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        limit_unacknowledged(listener, seconds=30)
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert is_probed(accepted)


def test_a_connection_that_is_gone_already_is_no_error() -> None:
    with socket.socket() as connection:
        pass
    probe_while_idle(connection)


def test_macos_has_another_name_for_the_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    option = socket.TCP_KEEPIDLE
    monkeypatch.delattr(socket, "TCP_KEEPIDLE")
    monkeypatch.setattr(socket, "TCP_KEEPALIVE", option, raising=False)
    with socket.socket() as connection:
        probe_while_idle(connection)
        assert connection.getsockopt(socket.IPPROTO_TCP, option) == IDLE_SECONDS


def test_a_unix_socket_needs_none(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        limit_unacknowledged(listener, seconds=30)
        assert not is_probed(listener)

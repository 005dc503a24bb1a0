"""One connection of a client, and the connection to the server that belongs to it."""

import asyncio
import random
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

from cartwheel.tcp_proxy.conditions import Conditions
from cartwheel.tcp_proxy.stream import CutOff, Stream
from cartwheel.tcp_proxy.toxics import Toxic

CONNECT_TIMEOUT = 10.0  # seconds
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER, with no time


class Connection:
    """Passes on what both sides send, in a task of its own, until both have ended or one broke."""

    def __init__(self, client: socket.socket, host: str, port: int, *, rng: random.Random) -> None:
        self._client = client
        self._server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        for one in (client, self._server):
            one.setblocking(False)
            _set_option(one, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upstream = Stream(client, self._server, rng=rng, close=self.close)
        self._downstream = Stream(self._server, client, rng=rng, close=self.close)
        self._draw = rng.random()
        self.task = asyncio.create_task(self._run(host, port))
        # Not in the task: one that is cancelled before its first step never runs.
        self.task.add_done_callback(self._release)

    def apply(self, toxics: Iterable[Toxic]) -> None:
        """From now on these are the toxics."""
        self._upstream.apply(Conditions.of(toxics, "upstream", draw=self._draw))
        self._downstream.apply(Conditions.of(toxics, "downstream", draw=self._draw))

    def close(self) -> None:
        """Close both sides as soon as the loop runs."""
        self.task.cancel()

    async def _run(self, host: str, port: int) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await asyncio.get_running_loop().sock_connect(self._server, (host, port))
        except OSError:
            self._reset()
        else:
            await self._pass_on()

    async def _pass_on(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for stream in (self._upstream, self._downstream):
                    tasks.create_task(stream.receive())
                    tasks.create_task(stream.deliver())
        except* CutOff:
            pass
        except* OSError:
            self._reset()

    def _reset(self) -> None:
        for one in (self._client, self._server):
            _set_option(one, socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    def _release(self, task: asyncio.Task[None]) -> None:
        self._upstream.stop_timer()
        self._downstream.stop_timer()
        self._client.close()
        self._server.close()


def _set_option(one: socket.socket, level: int, name: int, value: int | bytes) -> None:
    with suppress(OSError):  # macOS: for a connection that the peer has reset
        one.setsockopt(level, name, value)

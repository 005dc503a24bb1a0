"""Listening sockets, opened by the supervisor and inherited by replicas."""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack

import psutil

from cartwheel.errors import UsageError

# Loopback only: probes, scrapes and per-request load balancing use it, never a person.
OWN_HOST = "127.0.0.1"
BACKLOG = 2048
# `localhost` resolves to one or the other, depending on the machine and the browser.
LOOPBACK = dict.fromkeys(("127.0.0.1", "localhost"), ("127.0.0.1", "::1"))
# How a wildcard address is reached from this machine.
REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
FREE_PORT_ATTEMPTS = 10


class CannotListen(UsageError):
    """A service cannot listen at ``where``: ``reason`` says why, ``advice`` what to change."""

    def __init__(self, where: str, reason: str, advice: str) -> None:
        super().__init__(f"{where} {reason}: {advice}")
        self.reason = reason


class ListeningSockets:
    """The sockets of a service, one for each address, that all its replicas accept from."""

    def __init__(self, host: str, port: int, service: str) -> None:
        """Open them; a port of 0 lets the kernel choose. Raises `CannotListen`."""
        self._host = host
        self._service = service
        self._sockets: Sequence[socket.socket] = ()
        self.port = port
        self.open()

    @property
    def url(self) -> str:
        """As a person on this machine types it."""
        return f"http://{_bracketed(REACHABLE.get(self._host, self._host))}:{self.port}"

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """Open only between `open` and `close`."""
        return self._sockets

    @property
    def descriptors(self) -> list[int]:
        return [one.fileno() for one in self._sockets]

    def open(self) -> None:
        """Listen, unless they are open already. Raises `CannotListen`."""
        if self._sockets:
            return
        try:
            self._sockets = _listen_on_all(LOOPBACK.get(self._host, [self._host]), self.port)
        except OSError as error:
            raise _explain(error, self._host, self.port, self._service) from error
        self.port = port_of(self._sockets[0])

    def close(self) -> None:
        """Close them: from then on connections are refused."""
        for one in self._sockets:
            one.close()
        self._sockets = ()


def listen_on_free_port() -> socket.socket:
    """A socket for one replica, on a port the kernel chooses."""
    return _listen(OWN_HOST, 0)


def port_of(listener: socket.socket) -> int:
    """The port a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def port_holder(port: int) -> str:
    """The process that listens on a port, if this machine lets us see it."""
    try:
        holders = [
            psutil.Process(connection.pid)
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
            and connection.laddr.port == port
            and connection.pid
        ]
        # Of processes that share a socket the eldest opened it; the others are its children.
        eldest = min(holders, key=psutil.Process.create_time)
        return f"{eldest.name()} (pid {eldest.pid})"
    except (psutil.Error, ValueError):
        return "another process"


def _listen_on_all(hosts: Sequence[str], port: int) -> Sequence[socket.socket]:
    """One socket for each address, all on the same port."""
    for _ in range(FREE_PORT_ATTEMPTS if port == 0 else 0):
        try:
            return _listen_on_each(hosts, port)
        except OSError as error:
            # The port that the kernel chose for the first address is taken on the second.
            if error.errno != errno.EADDRINUSE:
                raise
    return _listen_on_each(hosts, port)


def _listen_on_each(hosts: Sequence[str], port: int) -> Sequence[socket.socket]:
    with ExitStack() as opened:
        first = opened.enter_context(_listen(hosts[0], port))
        sockets = [first]
        for host in hosts[1:]:
            try:
                sockets.append(opened.enter_context(_listen(host, port_of(first))))
            except OSError as error:
                # Without IPv6 on this machine, or on loopback, no client uses that address.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
        opened.pop_all()
    return sockets


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Allows a port whose last connections are still in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _explain(error: OSError, host: str, port: int, service: str) -> CannotListen:
    where = f"Port {port} for {service}"
    choice = f"choose another with --port-{service} or CARTWHEEL_PORT_{service.upper()}."
    if error.errno == errno.EADDRINUSE:
        return CannotListen(where, f"is taken by {port_holder(port)}", choice)
    if error.errno == errno.EACCES:
        return CannotListen(where, "needs more rights than you have", choice)
    where = f"{_bracketed(host)}:{port} for {service}"
    return CannotListen(where, f"cannot be opened ({error.strerror})", "see --host.")

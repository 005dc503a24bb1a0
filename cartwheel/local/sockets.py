"""Listening sockets, opened here and inherited by replicas."""

import errno
import socket

import psutil

from cartwheel.local.errors import StartError

# Loopback only: probes, scrapers and the per-request balancing use it, never a person.
OWN_HOST = "127.0.0.1"
BACKLOG = 2048


def listen(host: str, port: int, service: str) -> socket.socket:
    """The socket all replicas of a service accept from. Raises `StartError`."""
    try:
        return _listening(host, port)
    except OSError as error:
        raise StartError(_explain(error, host, port, service)) from error


def listen_anywhere() -> socket.socket:
    """A socket of a replica's own, on a port the kernel chooses."""
    return _listening(OWN_HOST, 0)


def port_of(listener: socket.socket) -> int:
    """The port a socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections still wait in the kernel is free for us.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int, service: str) -> str:
    choice = f"choose another with --port-{service} or CARTWHEEL_PORT_{service.upper()}."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} for {service} is taken by {holder(port)}: {choice}"
    if error.errno == errno.EACCES:
        return f"Port {port} for {service} needs more rights than you have: {choice}"
    return f"{host}:{port} for {service} cannot be opened ({error.strerror}): see --host."


def holder(port: int) -> str:
    """Who listens on a port, as well as this machine lets us know."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another process"

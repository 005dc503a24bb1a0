"""What tests of all areas share."""

import asyncio
import gc
import inspect
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio as redis
from anyio.from_thread import start_blocking_portal
from hypothesis import settings

from cartwheel.local.signals import STOP_SIGNALS
from tests.cartwheel.autoscaling.scaled_shop import ARRIVALS, QUICK
from tests.cartwheel.supervisor_process import SupervisorProcess, running
from tests.faults.results import FIGURE
from tests.support.generated_cases import RecordProperty, recorded_cases
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.shop import SERVICES, Shop, running_shop
from tests.support.valkey import running_valkey
from tests.support.valkey_server import ValkeyServer

# `make test-faults ARGS="--hypothesis-profile nightly"`: ten times as many generated cases.
settings.register_profile("nightly", max_examples=1000)


def pytest_configure() -> None:
    """What the person's shell hands on to us, and we would to every process of a test."""
    # Ignored signals would not stop the processes that tests stop with them.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:  # nohup, or a shell's background
            signal.signal(number, signal.SIG_DFL)
    # Everything here is on this machine: no client of ours is to ask a proxy for it.
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is collected out of every garbage collection.

    Thousands of tests and their imports stay until the end. To search them is half of the cost of
    making them, and would be half a second of each `gc.collect()` of a test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    generated, compared = recorded_cases(terminalreporter.stats)
    if generated:
        terminalreporter.write_line(f"{generated:,} generated and hostile requests were sent.")
    if compared:
        line = f"The answers to {compared:,} requests were compared with FastAPI's own."
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def anyio_backend() -> str:
    """The loop our services run on.

    Of every test: one that is no coroutine may use a fixture that is one.
    """
    return "asyncio"


@pytest.fixture
def figure(record_property: RecordProperty) -> Callable[..., None]:
    """`figure("ready after {:.1f} s", seconds)`: what docs/faults.md shows as the last figure."""

    def record(text: str, *values: object) -> None:
        record_property(FIGURE, text.format(*values))

    return record


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of the person who runs the tests out of them."""

    for name in list(os.environ):
        if name.startswith("CARTWHEEL_"):
            monkeypatch.delenv(name)


@pytest.fixture
async def _event_loop() -> asyncio.AbstractEventLoop:
    """The loop of the test, which is closed after whatever uses this fixture."""
    return asyncio.get_running_loop()


@pytest.fixture(autouse=True)
def _signal_handlers_are_left_as_they_were(request: pytest.FixtureRequest) -> Iterator[None]:
    """A handler left behind acts in a later test of the same loop, on a signal of that test."""
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue(_event_loop.__name__)
    yield
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server a worker; use `postgres_url` for a database of your own on it."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def postgres_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The URL of an empty database that only this test uses."""
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(postgres_server.url())
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield postgres_server.url(name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def valkey_server_url() -> Iterator[str]:
    """One server a worker; use `valkey_url`, which is emptied between tests."""
    with running_valkey() as url:
        yield url


@pytest.fixture
async def valkey_url(valkey_server_url: str) -> AsyncIterator[str]:
    """The URL of a Valkey server that holds nothing."""

    client = redis.Redis.from_url(valkey_server_url.replace("valkey://", "redis://"))
    try:
        await client.flushall()
        yield valkey_server_url
    finally:
        await client.aclose()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server of its own for the test, which has to start it."""
    server = ValkeyServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The five services as real processes, one shop a worker: tests bring their own people.

    Whatever the tests did to it, its logs tell no secret.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running_shop(tmp_path_factory.mktemp("shop"))) as shop,
    ):
        yield shop
        assert [line for service in SERVICES for line in shop.lines_with_secrets(service)] == []


@pytest.fixture(scope="module")
def scaled_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisorProcess]:
    """A sample shop whose cart scales on arrivals, from one to three; one for each module."""
    folder = tmp_path_factory.mktemp("shop")
    settings = {**QUICK, "CARTWHEEL_AUTOSCALE": str(ARRIVALS)}
    with running(folder / "state", output=folder / "output", **settings) as run:
        yield run.ready()

"""Callers that are cancelled and connections that break, at any moment."""

import asyncio
import gc
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from app.stores.database import Database
from app.stores.errors import StoreUnavailable, WriteConflict
from app.stores.statements import Connection, Statement
from app.telemetry.metrics import Metrics
from tests.support.postgres import READY, relay_until

ADD = Statement("UPDATE counters SET value = value + 1 WHERE name = 'a' RETURNING value")
READ = Statement("SELECT value FROM counters WHERE name = 'a'")
CREATE = Statement("CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)")
INSERT = Statement("INSERT INTO counters VALUES ('a', 0)")
SLOW = {
    "sqlite": Statement(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)"
        " SELECT COUNT(*) FROM numbers"
    ),
    "postgres": Statement("SELECT pg_sleep(60)"),
}
BACKEND = Statement("SELECT pg_backend_pid()")
COUNT_IDLE = (
    "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = ANY($1)"
    " AND query NOT LIKE '%clock_timestamp%'"
)
SLEEPERS = Statement(
    "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'"
    " AND datname = current_database()"
)


@pytest.fixture
async def narrow(url: str, database: Database) -> AsyncIterator[Database]:
    """Another pool for the same store, with a single connection."""
    async with Database(url, metrics=Metrics("other"), pool_size=1, timeout=20.0) as narrow:
        yield narrow


async def add(database: Database) -> int:
    async with database.transaction("add") as connection:
        value: int = await connection.scalar(ADD)
    return value


async def read(database: Database) -> int:
    async with database.reading("read") as connection:
        value: int = await connection.scalar(READ)
    return value


async def cancel(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.wait({task})


def cancelled_futures() -> int:
    """Those of the whole process: tests that ran earlier may have left some."""
    gc.collect()
    futures = [each for each in gc.get_objects() if type(each) is asyncio.Future]
    return sum(future.cancelled() for future in futures)


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_an_add_that_is_cancelled_at_any_moment_happens_once_or_not_at_all(
    database: Database, turns: int
) -> None:
    assert await add(database) == 1
    adding = asyncio.create_task(add(database))
    for _ in range(turns):
        await asyncio.sleep(0)
    await cancel(adding)

    added = 1 if adding.cancelled() else 2
    before = await read(database)
    assert before in (added, 2)
    assert sorted(await asyncio.gather(*(add(database) for _ in range(12)))) == list(
        range(before + 1, before + 13)
    )


@pytest.mark.parametrize("kind", ["reading", "transaction"])
async def test_a_statement_that_is_cancelled_ends_and_frees_its_connection(
    url: str, database: Database, kind: str
) -> None:
    async with Database(url, metrics=Metrics("other"), pool_size=1, timeout=20.0) as narrow:

        async def ask() -> None:
            async with getattr(narrow, kind)("ask") as connection:
                started.set()
                await connection.scalar(SLOW[narrow.store])

        started = asyncio.Event()
        asking = asyncio.create_task(ask())
        await started.wait()
        await asyncio.sleep(0.1)
        await cancel(asking)

        assert asking.cancelled()
        async with asyncio.timeout(10):
            assert await add(narrow) == 1
            assert await read(narrow) == 1
    if database.store == "postgres":
        async with database.reading("look") as connection:
            assert await connection.scalar(SLEEPERS) == 0


async def test_a_caller_that_is_cancelled_while_it_waits_takes_no_connection(
    narrow: Database,
) -> None:
    async with narrow.transaction("hold"):
        waiting = [asyncio.create_task(add(narrow)) for _ in range(3)]
        await asyncio.sleep(0.01)
        await cancel(waiting[1])
    assert [await waiting[0], await waiting[2]] == [1, 2]
    assert await add(narrow) == 3


async def test_a_connection_that_comes_with_the_cancellation_is_not_lost(narrow: Database) -> None:
    async with narrow.transaction("hold"):
        waiting = asyncio.create_task(add(narrow))
        await asyncio.sleep(0.01)
    # The place was given to it just now, and it has not run since.
    await cancel(waiting)
    async with asyncio.timeout(5):
        assert await add(narrow) == 1


async def test_callers_get_connections_in_the_order_in_which_they_came(narrow: Database) -> None:
    async with narrow.transaction("hold"):
        waiting = [asyncio.create_task(add(narrow)) for _ in range(5)]
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*waiting) == [1, 2, 3, 4, 5]


async def test_a_cancellation_during_the_rollback_of_a_failure_is_not_lost(
    database: Database,
) -> None:
    async def fail() -> None:
        async with database.transaction("fail") as connection:
            try:
                await connection.execute(INSERT)
            except Exception:
                task = asyncio.current_task()
                assert task is not None
                # Arrives in the next turn of the loop, while the rollback waits.
                asyncio.get_running_loop().call_soon(task.cancel)
                raise

    failing = asyncio.create_task(fail())
    await asyncio.wait({failing})

    assert failing.cancelled()
    assert await add(database) == 1


async def test_work_whose_deadline_passes_during_a_rollback_is_not_repeated(
    database: Database,
) -> None:
    attempts = 0

    async def lose(connection: Connection) -> None:
        nonlocal attempts
        attempts += 1
        await connection.scalar(ADD)
        limit.reschedule(asyncio.get_running_loop().time())
        raise WriteConflict("lost")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(None) as limit:
            await database.run("lose", lose)

    assert attempts == 1
    assert await add(database) == 1


async def test_callers_that_gave_up_waiting_leave_nothing_behind(
    url: str, database: Database
) -> None:
    async def give_up() -> None:
        with pytest.raises(StoreUnavailable):
            await add(narrow)

    async with (
        Database(url, metrics=Metrics("other"), pool_size=1, timeout=0.3) as narrow,
        narrow.transaction("hold"),
    ):
        before = cancelled_futures()
        await asyncio.gather(*(give_up() for _ in range(50)))
        assert cancelled_futures() - before < 10


@pytest.mark.parametrize("others", [lambda connection: connection.scalar(READ), None])
async def test_a_connection_that_breaks_in_a_transaction_is_an_outage_and_is_replaced(
    postgres_url: str,
    metrics: Metrics,
    others: Callable[[Connection], object] | None,
) -> None:
    async def break_it(database: Database) -> None:
        async with database.transaction("break") as connection:
            await connection.scalar(ADD)
            pid = await connection.scalar(BACKEND)
            await terminate(postgres_url, pid)
            if others is not None:
                await connection.scalar(READ)

    async with Database(postgres_url, metrics=metrics, pool_size=1) as database:
        async with database.transaction("prepare") as connection:
            await connection.execute(CREATE)
            await connection.execute(INSERT)
        with pytest.raises(StoreUnavailable):
            await break_it(database)
        assert await add(database) == 1


async def terminate(url: str, pid: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    finally:
        await connection.close()


@pytest.mark.fault(7, store="postgres")
async def test_a_server_that_falls_silent_in_a_statement_is_an_outage_and_is_left(
    postgres_url: str, metrics: Metrics
) -> None:
    async with Database(postgres_url, metrics=metrics, pool_size=1, timeout=0.5) as database:
        async with database.reading("look") as connection:
            pid = await connection.scalar(BACKEND)
        os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(20):
                with pytest.raises(StoreUnavailable, match="in time"):
                    await database.ping()
                async with database.reading("look") as connection:
                    assert await connection.scalar(BACKEND) != pid
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.fault(7, store="postgres")
async def test_a_server_that_falls_silent_after_the_log_in_is_an_outage(
    postgres_url: str, metrics: Metrics
) -> None:
    async with (
        relay_until(postgres_url, READY) as silent_url,
        Database(silent_url, metrics=metrics, timeout=0.5) as database,
        asyncio.timeout(20),
    ):
        with pytest.raises(StoreUnavailable, match="in time"):
            await database.ping()


async def test_the_log_says_why_a_connection_broke(
    postgres_url: str, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    async def break_it() -> None:
        async with database.reading("break") as connection:
            await terminate(postgres_url, await connection.scalar(BACKEND))
            await connection.scalar(BACKEND)

    async with Database(postgres_url, metrics=metrics) as database:
        with pytest.raises(StoreUnavailable):
            await break_it()

    said = capsys.readouterr().out
    assert "store.trouble" in said
    assert "InterfaceError: connection is closed" in said


async def test_no_connection_stays_idle(
    postgres_url: str, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(database: Database) -> int:
        async with database.reading("look") as connection:
            pid: int = await connection.scalar(BACKEND)
            await together.wait()
        return pid

    together = asyncio.Barrier(3)
    monkeypatch.setattr("app.stores.database.READ_CLOCK_INTERVAL", 0.05)
    observer = await asyncpg.connect(postgres_url)
    try:
        async with (
            Database(postgres_url, metrics=metrics) as database,
            asyncio.timeout(20),
        ):
            pids = await asyncio.gather(*(use(database) for _ in range(3)))
            while await observer.fetchval(COUNT_IDLE, pids):  # noqa: ASYNC110 – nobody tells us
                await asyncio.sleep(0.02)
    finally:
        await observer.close()


@pytest.mark.fault(9, store="postgres")
async def test_a_primary_that_became_a_standby_is_left_at_the_first_write(
    postgres_url: str, metrics: Metrics
) -> None:
    async with Database(postgres_url, metrics=metrics, pool_size=1) as database:
        async with database.transaction("prepare") as connection:
            await connection.execute(CREATE)
            await connection.execute(INSERT)
        async with database.reading("demote") as connection:
            await connection.execute(Statement("SET default_transaction_read_only = on"))
        with pytest.raises(StoreUnavailable, match="written"):
            await add(database)
        assert await add(database) == 1


async def test_a_transaction_that_is_left_open_is_not_given_to_the_next_caller(
    url: str, database: Database
) -> None:
    begin = Statement("BEGIN")
    async with Database(url, metrics=Metrics("other"), pool_size=1) as narrow:
        async with narrow.reading("forget") as connection:
            await connection.execute(begin)
        async with narrow.reading("begin") as connection:
            await connection.execute(begin)
            await connection.execute(Statement("ROLLBACK"))


async def test_a_column_that_is_added_meanwhile_breaks_no_statement_in_use(
    database: Database,
) -> None:
    select = Statement("SELECT * FROM counters WHERE name = 'a'")
    update = Statement("UPDATE counters SET value = value + 1 WHERE name = 'a' RETURNING *")

    async def change(connection: Connection) -> list[str]:
        row = await connection.first(update)
        assert row is not None
        return list(row.keys())

    async def look() -> list[str]:
        async with database.reading("look") as connection:
            row = await connection.first(select)
        assert row is not None
        return list(row.keys())

    assert await look() == await database.run("change", change) == ["name", "value"]
    async with database.transaction("migrate") as connection:
        await connection.execute(Statement("ALTER TABLE counters ADD COLUMN width INTEGER"))
    assert await look() == ["name", "value", "width"]
    assert await database.run("change", change) == ["name", "value", "width"]


async def test_what_sqlite_holds_is_freed_when_the_file_is_closed(
    sqlite_url: str, metrics: Metrics
) -> None:
    async with Database(sqlite_url, metrics=metrics) as database:
        async with database.transaction("prepare") as connection:
            await connection.execute(CREATE)
            await connection.execute(INSERT)
        asking = asyncio.create_task(add(database))
        await asyncio.sleep(0)
        await cancel(asking)
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None) as file:
        file.execute("BEGIN EXCLUSIVE")
        file.execute("ROLLBACK")
    file.close()

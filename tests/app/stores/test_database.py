"""What `Database` promises, on SQLite and on Postgres."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from app.errors import Conflict
from app.stores.database import Database
from app.stores.errors import (
    IntegrityError,
    SchemaMismatch,
    StoreFull,
    StoreUnavailable,
    WriteConflict,
)
from app.stores.sqlite import THREAD_NAME
from app.stores.statements import Connection, Statement
from app.telemetry.metrics import Metrics
from tests.support.postgres import PostgresServer

ADD = Statement("UPDATE counters SET value = value + :by WHERE name = :name RETURNING value")
TERMINATE = Statement(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
)
INSERT = Statement("INSERT INTO counters VALUES (:name, :value)")
READ = Statement("SELECT value FROM counters WHERE name = :name")


@pytest.fixture(autouse=True)
async def no_thread_is_left() -> AsyncIterator[None]:
    """Each connection to SQLite is a thread, which must end while there is a loop to tell."""
    before = connection_threads()
    yield
    async with asyncio.timeout(30):
        while connection_threads() - before:  # noqa: ASYNC110 – the driver does not say when
            await asyncio.sleep(0.01)


def connection_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == THREAD_NAME}


async def add(database: Database, name: str = "a", by: int = 1) -> int:
    async with database.transaction("add") as connection:
        value: int = await connection.scalar(ADD, {"name": name, "by": by})
    return value


async def read(database: Database, name: str = "a") -> int:
    async with database.reading("read") as connection:
        value: int = await connection.scalar(READ, {"name": name})
    return value


async def test_parallel_changes_all_count(database: Database) -> None:
    values = await asyncio.gather(*(add(database) for _ in range(100)))
    assert sorted(values) == list(range(1, 101))


async def test_numbers_may_be_larger_than_32_bits(database: Database) -> None:
    assert await add(database, by=2**40) == 2**40


async def test_what_is_written_without_a_transaction_is_there_at_once_and_stays(
    database: Database,
) -> None:
    async def add_and_fail() -> None:
        async with database.writing("add") as connection:
            await connection.execute(ADD, {"name": "a", "by": 1})
            assert await read(database) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    assert await read(database) == 1


async def test_a_single_statement_waits_for_the_lock_as_a_transaction_does(
    url: str, database: Database
) -> None:
    async def add_alone() -> int:
        async with other.writing("add") as connection:
            value: int = await connection.scalar(ADD, {"name": "a", "by": 1})
        return value

    async with Database(url, metrics=Metrics("other"), timeout=30.0) as other:
        async with database.transaction("hold") as connection:
            await connection.execute(ADD, {"name": "a", "by": 1})
            adding = asyncio.create_task(add_alone())
            await asyncio.wait({adding}, timeout=0.1)
            assert not adding.done()
        assert await adding == 2


async def test_a_block_that_raises_changes_nothing(database: Database) -> None:
    async def add_and_fail() -> None:
        async with database.transaction("add") as connection:
            await connection.execute(ADD, {"name": "a", "by": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    assert await read(database) == 0


async def test_a_problem_rolls_back_and_is_no_error_of_the_store(
    database: Database, metrics: Metrics
) -> None:
    async def add_and_refuse() -> None:
        async with database.transaction("add") as connection:
            await connection.execute(ADD, {"name": "a", "by": 1})
            raise Conflict("not today")

    with pytest.raises(Conflict):
        await add_and_refuse()
    assert await read(database) == 0
    assert b'operation="add",outcome="ok"' in metrics.render()
    assert b'outcome="error"' not in metrics.render()


async def test_a_caller_that_is_cancelled_leaves_no_lock(database: Database) -> None:
    inside = asyncio.Event()

    async def add_and_wait() -> None:
        async with database.transaction("add") as connection:
            await connection.execute(ADD, {"name": "a", "by": 1})
            inside.set()
            await asyncio.Event().wait()

    waiting = asyncio.create_task(add_and_wait())
    await inside.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await add(database) == 1


@pytest.mark.fault(13, store=("sqlite", "postgres"))
async def test_waiting_for_a_lock_has_a_limit(url: str, database: Database) -> None:
    async with (
        Database(url, metrics=Metrics("other"), timeout=0.2) as impatient,
        database.transaction("hold") as connection,
    ):
        await connection.execute(ADD, {"name": "a", "by": 1})
        with pytest.raises(StoreUnavailable):
            await add(impatient)
        assert await read(impatient) == 0


@pytest.mark.fault(10, store=("sqlite", "postgres"))
async def test_waiting_for_a_connection_has_a_limit(url: str, database: Database) -> None:
    async with (
        Database(url, metrics=Metrics("other"), pool_size=1, timeout=0.2) as narrow,
        narrow.reading("hold"),
    ):
        with pytest.raises(StoreUnavailable):
            await narrow.ping()
    await database.ping()


async def test_a_violated_constraint_is_one_error_of_both_stores(database: Database) -> None:
    async def insert_again() -> None:
        async with database.transaction("insert") as connection:
            await connection.execute(Statement("INSERT INTO counters VALUES ('a', 0)"))

    with pytest.raises(IntegrityError):
        await insert_again()


async def test_wrong_sql_is_our_mistake_and_not_an_outage(database: Database) -> None:
    async def read_nonsense() -> None:
        async with database.reading("read") as connection:
            await connection.execute(Statement("SELECT nothing FROM FROM counters"))

    with pytest.raises((sqlite3.OperationalError, asyncpg.PostgresSyntaxError)):
        await read_nonsense()
    await database.ping()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT value FROM nowhere",
        "SELECT width FROM counters",
        "INSERT INTO counters (name, width) VALUES ('c', 0)",
    ],
)
async def test_missing_tables_are_an_outage_that_names_the_remedy(
    database: Database, statement: str
) -> None:
    async def ask() -> None:
        async with database.transaction("ask") as connection:
            await connection.execute(Statement(statement))

    with pytest.raises(SchemaMismatch, match="cartwheel migrate"):
        await ask()
    await database.ping()


async def test_a_database_that_is_gone_or_closed_to_us_is_an_outage(
    postgres_url: str, metrics: Metrics
) -> None:
    scheme, _, place = postgres_url.partition("://")
    host = place.rpartition("@")[2]
    for elsewhere in (f"{postgres_url}_gone", f"{scheme}://nobody:nothing@{host}"):
        async with Database(elsewhere, metrics=metrics) as database:
            with pytest.raises(StoreUnavailable):
                await database.ping()


class LostFile:
    """A store whose file is taken away under open connections, and what comes after."""

    def __init__(self, database: Database, file: Path) -> None:
        self.database = database
        self.file = file

    def remove(self) -> None:
        for name in (self.file, *self.file.parent.glob(f"{self.file.name}-*")):
            name.unlink()

    def make_anew(self, value: int) -> None:
        with closing(sqlite3.connect(self.file, isolation_level=None)) as file:
            file.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)")
            file.execute("INSERT INTO counters VALUES ('a', ?)", (value,))


@pytest.fixture
async def lost_file(sqlite_url: str, metrics: Metrics) -> AsyncIterator[LostFile]:
    async with Database(sqlite_url, metrics=metrics) as database:
        lost = LostFile(database, Path(sqlite_url.removeprefix("sqlite:///")))
        lost.make_anew(0)
        assert await add(database) == 1
        assert await read(database) == 1
        yield lost


async def test_a_deleted_file_is_an_outage_at_once_and_no_new_one_is_made(
    lost_file: LostFile, capsys: pytest.CaptureFixture[str]
) -> None:
    lost_file.remove()

    for _ in range(5):
        with pytest.raises(StoreUnavailable, match="cartwheel migrate"):
            await add(lost_file.database)
        with pytest.raises(StoreUnavailable):
            await read(lost_file.database)
    assert not lost_file.file.exists()
    assert capsys.readouterr().out.count("store.trouble") == 1


async def test_a_file_that_is_created_again_is_used_from_then_on(lost_file: LostFile) -> None:
    lost_file.remove()
    with pytest.raises(StoreUnavailable):
        await add(lost_file.database)

    lost_file.make_anew(40)

    assert await add(lost_file.database, by=2) == 42
    assert await read(lost_file.database) == 42


async def test_a_file_that_replaces_another_is_used_from_then_on(
    lost_file: LostFile,
) -> None:
    backup = LostFile(lost_file.database, lost_file.file.with_name("backup.sqlite3"))
    backup.make_anew(40)

    lost_file.remove()
    os.replace(backup.file, lost_file.file)

    assert await read(lost_file.database) == 40
    assert await add(lost_file.database, by=2) == 42


async def test_a_deleted_folder_is_an_outage(tmp_path: Path, metrics: Metrics) -> None:
    folder = tmp_path / "stores"
    folder.mkdir()
    file = folder / "a file with # and ü.sqlite3"
    file.touch()
    async with Database(f"sqlite:///{file}", metrics=metrics) as database:
        lost = LostFile(database, file)
        lost.make_anew(0)
        assert await add(database) == 1
        shutil.rmtree(folder)

        with pytest.raises(StoreUnavailable):
            await add(database)


@pytest.mark.fault(12, store="sqlite")
async def test_a_full_disk_is_distinguished_from_an_outage_and_reads_go_on(
    lost_file: LostFile,
) -> None:
    database = lost_file.database

    async def fill() -> None:
        async with database.transaction("fill") as connection:
            await connection.execute(Statement("PRAGMA max_page_count = 1"))
            for number in range(200):
                row = {"name": f"{number}".rjust(4000), "value": number}
                await connection.execute(
                    Statement("INSERT INTO counters VALUES (:name, :value)"), row
                )

    with pytest.raises(StoreFull):
        await fill()
    assert await read(database) == 1


async def test_a_damaged_file_is_an_outage(lost_file: LostFile) -> None:
    with lost_file.file.open("r+b") as file:
        file.write(b"This was a database. " * 400)

    async with Database(f"sqlite:///{lost_file.file}", metrics=Metrics("other")) as database:
        with pytest.raises(StoreUnavailable):
            await read(database)


@pytest.mark.fault(11, store=("sqlite", "postgres"))
async def test_work_that_lost_a_conflict_is_repeated(database: Database) -> None:
    attempts = 0

    async def work(connection: Connection) -> int:
        nonlocal attempts
        attempts += 1
        value: int = await connection.scalar(ADD, {"name": "a", "by": 1})
        if attempts < 3:
            raise WriteConflict("lost")
        return value

    assert await database.run("add", work) == 1
    assert attempts == 3


@pytest.mark.fault(11, store=("sqlite", "postgres"))
async def test_work_that_always_loses_a_conflict_ends(database: Database) -> None:
    attempts = 0

    async def work(connection: Connection) -> None:
        nonlocal attempts
        attempts += 1
        raise WriteConflict("lost")

    with pytest.raises(StoreUnavailable):
        await database.run("add", work)
    assert attempts == 3


@pytest.mark.fault(11, store="postgres")
async def test_a_deadlock_in_postgres_is_survived(postgres_url: str, metrics: Metrics) -> None:
    both_hold_one = asyncio.Barrier(2)

    async with Database(postgres_url, metrics=metrics, timeout=5.0) as database:
        async with database.transaction("prepare") as connection:
            await connection.execute(Statement("CREATE TABLE counters (name TEXT, value BIGINT)"))
            await connection.execute(Statement("INSERT INTO counters VALUES ('a', 0), ('b', 0)"))

        async def add_both(first: str, second: str) -> None:
            tried = False

            async def work(connection: Connection) -> None:
                nonlocal tried
                await connection.execute(ADD, {"name": first, "by": 1})
                if not tried:
                    tried = True
                    await both_hold_one.wait()
                await connection.execute(ADD, {"name": second, "by": 1})

            await database.run("add", work)

        await asyncio.gather(add_both("a", "b"), add_both("b", "a"))
        assert (await read(database, "a"), await read(database, "b")) == (2, 2)


@pytest.mark.fault(8, store="postgres")
async def test_a_postgres_that_comes_back_is_used_again(
    postgres_url: str, postgres_server: PostgresServer, metrics: Metrics
) -> None:
    async with Database(postgres_url, metrics=metrics, pool_size=2) as database:
        await asyncio.gather(database.ping(), database.ping())
        async with (
            Database(postgres_server.url(), metrics=Metrics("admin")) as admin,
            admin.reading("terminate") as connection,
        ):
            name = postgres_url.rpartition("/")[2].partition("?")[0]
            assert len(await connection.rows(TERMINATE, {"name": name})) == 2
        async with asyncio.timeout(5):
            while True:
                try:
                    await asyncio.gather(database.ping(), database.ping())
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.02)


async def test_a_postgres_statement_that_takes_too_long_times_out(
    postgres_url: str, metrics: Metrics
) -> None:
    async def sleep(database: Database) -> None:
        async with database.reading("sleep") as connection:
            await connection.execute(Statement("SELECT pg_sleep(30)"))

    async with Database(postgres_url, metrics=metrics, timeout=0.2) as database:
        with pytest.raises(StoreUnavailable):
            await sleep(database)
        await database.ping()


@pytest.mark.fault(7, store="postgres")
async def test_a_server_that_accepts_and_does_not_respond_times_out(metrics: Metrics) -> None:
    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung_up.wait()
        writer.close()

    hung_up = asyncio.Event()
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        Database(f"postgresql://nobody@127.0.0.1:{port}/nothing", metrics=metrics) as database,
        asyncio.timeout(5),
    ):
        with pytest.raises(StoreUnavailable):
            await database.ping()
        hung_up.set()


@pytest.mark.fault(9, store="postgres")
async def test_the_primary_is_found_among_several_hosts(
    postgres_url: str, metrics: Metrics
) -> None:
    scheme, _, rest = postgres_url.partition("://")
    user, _, place = rest.rpartition("@")
    several = f"{scheme}://{user}@127.0.0.1:9,{place}?target_session_attrs=read-write"
    async with Database(several, metrics=metrics) as database:
        await database.ping()


async def test_opening_needs_no_server(metrics: Metrics) -> None:
    async with Database("postgresql://nobody@127.0.0.1:9/nothing", metrics=metrics) as database:
        with pytest.raises(StoreUnavailable):
            await database.ping()
    assert b'operation="ping",outcome="error"' in metrics.render()


async def test_a_file_that_cannot_be_opened_is_an_outage(tmp_path: Path, metrics: Metrics) -> None:
    async with Database(f"sqlite:///{tmp_path}/no/such/folder.db", metrics=metrics) as database:
        with pytest.raises(StoreUnavailable):
            await database.ping()


async def test_a_file_that_is_no_database_is_an_outage(tmp_path: Path, metrics: Metrics) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader, this is not a database. " * 100, encoding="utf-8")
    async with Database(f"sqlite:///{file}", metrics=metrics) as database:
        with pytest.raises(StoreUnavailable):
            await database.ping()


@pytest.mark.fault(13, store="sqlite")
async def test_a_sqlite_file_locked_by_another_process_times_out(
    sqlite_url: str, metrics: Metrics
) -> None:
    file = sqlite_url.removeprefix("sqlite:///")
    async with Database(sqlite_url, metrics=metrics, timeout=0.2) as database:
        async with database.transaction("prepare") as connection:
            await connection.execute(Statement("CREATE TABLE counters (name TEXT, value BIGINT)"))
            await connection.execute(Statement("INSERT INTO counters VALUES ('a', 0)"))
        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sqlite3, sys\n"
                "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
                "held.execute('BEGIN IMMEDIATE')\n"
                "print('held', flush=True)\n"
                "sys.stdin.read()",
                file,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert holder.stdout is not None
            assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
            with pytest.raises(StoreUnavailable):
                await add(database)
            assert await read(database) == 0
        finally:
            holder.communicate()
        assert await add(database) == 1


async def test_a_writer_that_opens_a_locked_file_waits_for_it(
    sqlite_url: str, metrics: Metrics
) -> None:
    with closing(
        sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    ) as holder:
        holder.execute("CREATE TABLE counters (name TEXT, value BIGINT)")
        holder.execute("INSERT INTO counters VALUES ('a', 0)")
        holder.execute("BEGIN EXCLUSIVE")
        async with Database(sqlite_url, metrics=metrics, timeout=30.0) as database:
            adding = asyncio.create_task(add(database))
            await asyncio.wait({adding}, timeout=0.2)
            holder.execute("COMMIT")
            assert await adding == 1


async def test_sqlite_keeps_a_log_so_that_readers_do_not_wait(
    sqlite_url: str, metrics: Metrics
) -> None:
    async with Database(sqlite_url, metrics=metrics) as database:
        await database.ping()
    file = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()

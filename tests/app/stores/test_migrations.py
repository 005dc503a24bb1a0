"""Bringing tables to the version the code needs."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.stores import migrations
from app.stores.database import Database
from app.stores.errors import SchemaMismatch, StoreUnavailable
from app.stores.migrations import (
    main,
    migrate,
    migrate_when_up,
)
from app.stores.schema import SchemaCheck, Version, newest_version, stored_version
from app.stores.statements import Statement
from app.telemetry.metrics import Metrics
from tests.support.postgres import READY, relay_until, running_postgres

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = "from app.stores.migrations import run_environment\n\nrun_environment()\n"
PACKAGE = "shelf_service"
BUSY_WRITER = """
import sqlite3, sys, time

file = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
file.execute("PRAGMA journal_mode = WAL")
file.execute("CREATE TABLE IF NOT EXISTS written (what TEXT)")
print("ready", flush=True)
while True:
    file.execute("BEGIN IMMEDIATE")
    file.execute("INSERT INTO written VALUES ('something')")
    time.sleep(0.2)
    file.execute("COMMIT")
    time.sleep(0.002)  # otherwise it is chance, up to a minute of it, when others get a turn
"""


class Code:
    """A package with migrations, which can be released in newer versions."""

    def __init__(self, folder: Path) -> None:
        self._versions = folder / PACKAGE / "migrations" / "versions"
        self._versions.mkdir(parents=True)
        (folder / PACKAGE / "__init__.py").touch()
        (folder / PACKAGE / "migrations" / "env.py").write_text(ENVIRONMENT, encoding="utf-8")
        self._last: str | None = None

    def release(self, revision: str, statement: str) -> None:
        (self._versions / f"v{revision.replace('.', '_')}_change.py").write_text(
            "from alembic import op\n"
            f"revision = {revision!r}\n"
            f"down_revision = {self._last!r}\n"
            "def upgrade():\n"
            f"    op.execute({statement!r})\n",
            encoding="utf-8",
        )
        self._last = revision

    def withdraw(self, revision: str) -> None:
        (self._versions / f"v{revision.replace('.', '_')}_change.py").unlink()


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Code:
    monkeypatch.syspath_prepend(str(tmp_path))
    code = Code(tmp_path)
    code.release("1.0", "CREATE TABLE shelves (name TEXT PRIMARY KEY)")
    return code


@pytest.fixture
async def store(url: str, metrics: Metrics) -> AsyncIterator[Database]:
    async with Database(url, metrics=metrics) as store:
        yield store


async def test_an_empty_store_gets_all_tables(code: Code, url: str, store: Database) -> None:
    assert await stored_version(store, PACKAGE) == Version(0, 0)
    assert await migrate(PACKAGE, url) == (Version(0, 0), Version(1, 0))
    assert await stored_version(store, PACKAGE) == Version(1, 0)
    async with store.transaction("insert") as connection:
        await connection.execute(Statement("INSERT INTO shelves VALUES ('upper')"))


async def test_migrating_again_changes_nothing(code: Code, url: str) -> None:
    await migrate(PACKAGE, url)
    assert await migrate(PACKAGE, url) == (Version(1, 0), Version(1, 0))


async def test_only_one_of_racing_runs_does_the_work(code: Code, url: str) -> None:
    def run() -> tuple[Version, Version]:
        return asyncio.run(migrate(PACKAGE, url))

    ran = await asyncio.gather(*(asyncio.to_thread(run) for _ in range(5)))
    assert sorted(before for before, _ in ran) == [Version(0, 0)] + [Version(1, 0)] * 4
    assert {after for _, after in ran} == {Version(1, 0)}


async def test_data_survives_an_upgrade(code: Code, url: str, store: Database) -> None:
    await migrate(PACKAGE, url)
    async with store.transaction("insert") as connection:
        await connection.execute(Statement("INSERT INTO shelves VALUES ('upper')"))
    code.release("1.1", "ALTER TABLE shelves ADD COLUMN width INTEGER")
    assert await migrate(PACKAGE, url) == (Version(1, 0), Version(1, 1))
    async with store.reading("read") as connection:
        (row,) = await connection.rows(Statement("SELECT name, width FROM shelves"))
    assert (row["name"], row["width"]) == ("upper", None)


async def test_a_migration_that_fails_leaves_nothing_behind(
    code: Code, url: str, store: Database
) -> None:
    await migrate(PACKAGE, url)
    code.release("1.1", "CREATE TABLE drawers (name TEXT)")
    code.release("1.2", "CREATE TABLE shelves (name TEXT)")
    with pytest.raises(Exception, match="already exists"):
        await migrate(PACKAGE, url)
    assert await stored_version(store, PACKAGE) == Version(1, 0)
    code.withdraw("1.2")
    assert await migrate(PACKAGE, url) == (Version(1, 0), Version(1, 1))


@pytest.mark.fault(14, store=("sqlite", "postgres"))
async def test_code_does_not_run_on_an_older_schema(code: Code, url: str, store: Database) -> None:
    with pytest.raises(SchemaMismatch, match="run cartwheel migrate"):
        await SchemaCheck(store, PACKAGE)()
    await migrate(PACKAGE, url)
    await SchemaCheck(store, PACKAGE)()
    code.release("1.1", "ALTER TABLE shelves ADD COLUMN width INTEGER")
    with pytest.raises(SchemaMismatch, match="older"):
        await SchemaCheck(store, PACKAGE)()


@pytest.mark.fault(14, store=("sqlite", "postgres"))
async def test_code_runs_on_a_schema_that_only_has_more(
    code: Code, url: str, store: Database
) -> None:
    code.release("1.1", "ALTER TABLE shelves ADD COLUMN width INTEGER")
    await migrate(PACKAGE, url)
    code.withdraw("1.1")
    await SchemaCheck(store, PACKAGE)()
    assert await migrate(PACKAGE, url) == (Version(1, 1), Version(1, 1))


@pytest.mark.fault(14, store=("sqlite", "postgres"))
async def test_code_does_not_run_on_a_newer_major_schema(
    code: Code, url: str, store: Database
) -> None:
    code.release("2.0", "DROP TABLE shelves")
    await migrate(PACKAGE, url)
    code.withdraw("2.0")
    with pytest.raises(SchemaMismatch, match="newer than the code"):
        await SchemaCheck(store, PACKAGE)()


async def test_a_readiness_check_reads_the_codes_version_once(
    code: Code, url: str, store: Database
) -> None:
    await migrate(PACKAGE, url)
    check = SchemaCheck(store, PACKAGE)
    code.release("1.1", "ALTER TABLE shelves ADD COLUMN width INTEGER")
    await check()


async def test_only_a_missing_table_reads_as_an_empty_store(
    code: Code, url: str, store: Database
) -> None:
    async with store.transaction("prepare") as connection:
        await connection.execute(Statement(f"CREATE TABLE {PACKAGE}_schema (another TEXT)"))

    with pytest.raises(SchemaMismatch, match="lacks tables or columns"):
        await stored_version(store, PACKAGE)


async def test_services_may_share_a_database(code: Code, url: str, store: Database) -> None:
    await migrate("services.products", url)
    await migrate("services.user", url)
    assert await migrate(PACKAGE, url) == (Version(0, 0), Version(1, 0))
    await SchemaCheck(store, "services.products")()
    await SchemaCheck(store, "services.user")()


@pytest.mark.parametrize("service", ["cart", "products", "tracking", "user"])
def test_file_names_contain_the_version_alembic_sees(service: str) -> None:
    from alembic.script import ScriptDirectory

    folder = ROOT / "services" / service / "migrations"
    scripts = ScriptDirectory(str(folder))
    assert scripts.get_current_head() == str(newest_version(f"services.{service}"))
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"v{script.revision.replace('.', '_')}_")


def test_the_command_reports_what_it_did(
    code: Code, sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PACKAGE, "--url", sqlite_url]) == 0
    assert main([PACKAGE, "--url", sqlite_url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "shelf_service: schema 0.0 → 1.0",
        "shelf_service: schema at 1.0, nothing to do",
    ]


def test_the_command_makes_the_folder_of_a_sqlite_file(code: Code, tmp_path: Path) -> None:
    assert main([PACKAGE, "--url", f"sqlite:///{tmp_path}/deep/down/store.sqlite3"]) == 0
    assert (tmp_path / "deep" / "down" / "store.sqlite3").exists()


def test_the_command_fails_when_the_store_is_away(
    code: Code, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PACKAGE, "--url", "postgresql://nobody@127.0.0.1:9/nothing"]) == 1
    assert capsys.readouterr().err.startswith("shelf_service: ")


async def test_the_command_waits_for_a_store_that_is_starting(code: Code) -> None:
    with running_postgres() as server:
        server.stop()
        migrated = asyncio.create_task(migrate_when_up(PACKAGE, server.url(), timeout=60))
        await asyncio.to_thread(server.start)
        assert await migrated == (Version(0, 0), Version(1, 0))


def test_the_command_says_what_it_waits_for_and_why_it_gave_up(
    code: Code, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PACKAGE, "--url", "postgresql://nobody@127.0.0.1:9/nothing", "--wait", "1.2"]) == 1
    said = capsys.readouterr()
    assert said.out.count("store.trouble") == 1
    assert "ConnectionRefusedError" in said.out
    assert "did not answer in time. (ConnectionRefusedError" in said.err.splitlines()[-1]


async def test_a_store_without_a_host_of_the_kind_asked_for_is_an_outage(
    code: Code, postgres_url: str
) -> None:
    with pytest.raises(StoreUnavailable, match="No host of the store accepts writes"):
        await migrate(PACKAGE, f"{postgres_url}?target_session_attrs=standby")


async def test_a_server_that_falls_silent_is_not_waited_for_without_end(
    code: Code, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "MIGRATION_TIMEOUT", 0.5)
    async with relay_until(postgres_url, READY) as silent_url, asyncio.timeout(20):
        with pytest.raises(StoreUnavailable, match="in time"):
            await migrate(PACKAGE, silent_url)


async def test_a_migration_takes_its_turn_among_busy_writers(code: Code, sqlite_url: str) -> None:
    file = sqlite_url.removeprefix("sqlite:///")
    writers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(2):
            # One after the other: changing the journal mode waits for nobody.
            writer = subprocess.Popen(
                [sys.executable, "-c", BUSY_WRITER, file], stdout=subprocess.PIPE
            )
            writers.append(writer)
            assert writer.stdout is not None
            assert await asyncio.to_thread(writer.stdout.readline) == b"ready\n"
        assert await migrate(PACKAGE, sqlite_url) == (Version(0, 0), Version(1, 0))
        assert all(writer.poll() is None for writer in writers)
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


async def test_foreign_keys_hold_during_a_migration(code: Code, sqlite_url: str) -> None:
    code.release("1.1", "CREATE TABLE books (shelf TEXT REFERENCES shelves (name))")
    code.release("1.2", "INSERT INTO books VALUES ('nowhere')")
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await migrate(PACKAGE, sqlite_url)


def test_the_command_names_a_missing_setting_or_package(
    code: Code, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PACKAGE]) == 2
    assert "CARTWHEEL_STORE_URL" in capsys.readouterr().err
    assert main(["services.nothing", "--url", "sqlite:///x"]) == 2
    assert "services.nothing" in capsys.readouterr().err


def test_racing_processes_migrate_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.stores.migrations", "services.products"]
    command += ["--url", f"sqlite:///{tmp_path}/store.sqlite3"]
    racing = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0] for process in racing]
    assert [process.returncode for process in racing] == [0, 0, 0]
    assert sum("0.0 →" in line for line in said) == 1

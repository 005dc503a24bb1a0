"""SQL that is written once for both stores."""

import pytest

from app.stores.database import Database
from app.stores.statements import Statement


@pytest.mark.parametrize(
    ("sql", "postgres"),
    [
        ("SELECT :a, :b", "SELECT $1, $2"),
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1"),
        ("SELECT ':a', :b", "SELECT ':a', $1"),
        ("SELECT 'it''s :a', :b", "SELECT 'it''s :a', $1"),
        ('SELECT 1 AS ":a", :b', 'SELECT 1 AS ":a", $1'),
        ("SELECT :a::text, :b", "SELECT $1::text, $2"),
        ("SELECT :a -- not :b\n, :c", "SELECT $1 -- not :b\n, $2"),
        ("SELECT :a /* not :b */, :c", "SELECT $1 /* not :b */, $2"),
        ("SELECT 1 WHERE a IN :all AND b = :b", "SELECT 1 WHERE a = ANY($1) AND b = $2"),
        ("SELECT 1 WHERE a NOT IN :all AND b = :b", "SELECT 1 WHERE a <> ALL($1) AND b = $2"),
        ("SELECT 1 WHERE a IN (:one, :two)", "SELECT 1 WHERE a IN ($1, $2)"),
    ],
)
def test_postgres_gets_numbered_parameters(sql: str, postgres: str) -> None:
    assert Statement(sql).postgres == postgres


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT $$ :a $$",
        "SELECT $quote$ :a $quote$",
        "SELECT (ARRAY[1, 2])[:a]",
        r"SELECT E'it\'s :a'",
        "SELECT 1 /* outer /* inner */ :a */",
    ],
)
def test_what_only_postgres_knows_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match="both stores"):
        Statement(sql)


@pytest.mark.parametrize(
    ("names", "found"), [(["b", "c"], ["a"]), (["a", "b"], []), ([], ["a", "b"])]
)
async def test_a_list_may_say_what_is_left_out(
    database: Database, names: list[str], found: list[str]
) -> None:
    select = Statement("SELECT name FROM counters WHERE name NOT IN :names ORDER BY name")
    async with database.reading("list") as connection:
        rows = await connection.rows(select, {"names": names})
    assert [row["name"] for row in rows] == found


def test_a_value_that_is_missing_is_our_mistake() -> None:
    with pytest.raises(KeyError, match="b"):
        Statement("SELECT :a, :b").arguments({"a": 1})


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("SELECT CAST(:a AS TEXT)", {"a": "with :b, '::' and {\":c\": 1}", "b": 1}, None),
        ("SELECT CAST(:a AS TEXT) || CAST(:a AS TEXT)", {"a": "x"}, "xx"),
        ('SELECT \'{"key": ":a"}\' || CAST(:a AS TEXT)', {"a": "!"}, '{"key": ":a"}!'),
        ("SELECT CAST(:a AS BIGINT)", {"a": 2**53}, 2**53),
        ("SELECT CAST(:a AS TEXT)", {"a": None}, None),
    ],
)
async def test_values_arrive_as_they_are(
    database: Database, sql: str, values: dict[str, object], expected: object
) -> None:
    async with database.reading("echo") as connection:
        found = await connection.scalar(Statement(sql), values)
    assert found == (values["a"] if expected is None else expected)


@pytest.mark.parametrize(
    ("names", "found"), [(["b", "c", "a"], ["a", "b"]), (["'); --"], []), ([], [])]
)
async def test_a_list_is_one_parameter(
    database: Database, names: list[str], found: list[str]
) -> None:
    select = Statement("SELECT name FROM counters WHERE name IN :names AND value = :value")
    async with database.reading("list") as connection:
        rows = await connection.rows(select, {"names": names, "value": 0})
    assert sorted(row["name"] for row in rows) == found


async def test_a_connection_returns_rows_a_row_a_value_or_a_count(database: Database) -> None:
    select = Statement("SELECT name, value FROM counters WHERE value >= :least ORDER BY name")
    update = Statement("UPDATE counters SET value = value + 1 WHERE name IN :names")
    async with database.transaction("all") as connection:
        changed = await connection.execute(update, {"names": ["a", "b", "c"]})
        rows = await connection.rows(select, {"least": 0})
        first = await connection.first(select, {"least": 1})
        value = await connection.scalar(select, {"least": 1})
        none = await connection.first(select, {"least": 2})
        no_value = await connection.scalar(select, {"least": 2})
    assert changed == 2
    assert [dict(row) for row in rows] == [{"name": "a", "value": 1}, {"name": "b", "value": 1}]
    assert first is not None
    assert (first["name"], value, none, no_value) == ("a", "a", None, None)


async def test_one_statement_runs_for_many_values(database: Database) -> None:
    insert = Statement("INSERT INTO counters VALUES (:name, :value)")
    many = [{"name": f"n{number}", "value": number} for number in range(100)]
    async with database.transaction("many") as connection:
        await connection.execute_each(insert, many)
    async with database.reading("sum") as connection:
        total = await connection.scalar(Statement("SELECT SUM(value) FROM counters"))
    assert total == sum(range(100))


async def test_the_rows_of_many_values_come_in_their_order(database: Database) -> None:
    take = Statement(
        "UPDATE counters SET value = value - :by WHERE name = :name AND value >= :by RETURNING name"
    )
    many = [{"name": name, "by": by} for name, by in (("b", 0), ("a", 1), ("c", 0), ("a", 0))]
    async with database.transaction("take") as connection:
        rows = await connection.rows_of_each(take, many)
        assert list(await connection.rows_of_each(take, [])) == []
        await connection.execute_each(take, [])
    assert [row["name"] for row in rows] == ["b", "a"]

"""A table's content version changes with each write, whoever writes, and only then."""

import json
import shutil

import pytest
from pydantic import SecretStr

from stack.settings import WarehouseSettings
from stack.warehouse import connect
from stack.warehouse.versions import relations

T, V = ("s", "t"), ("s", "v")
WRITES = (
    "insert into s.t values (11, 'x')",
    "delete from s.t where i = 1",
    "delete from s.t where i = 2",
    "update s.t set x = 'y' where i = 3",
    "alter table s.t add column more integer",
    "alter table s.t rename column more to less",
    "create or replace table s.t as select 1 as i",
    "delete from s.t",
)


@pytest.fixture(params=["duckdb", "ducklake", "ducklake on Postgres"])
def warehouse(request, stack_home) -> WarehouseSettings:
    settings = WarehouseSettings(stack_home=stack_home, dlt_destination=request.param.split()[0])
    if "Postgres" in request.param:
        url = SecretStr(request.getfixturevalue("database_url"))
        settings = settings.model_copy(update={"ducklake_catalog_url": url})
    write(
        settings,
        "create schema s",
        "create table s.t as select range::integer as i, 'a' as x from range(10)",
        "create view s.v as select i from s.t",
    )
    return settings


def write(settings, *statements) -> None:
    with connect(settings) as connection:
        for statement in statements:
            connection.execute(statement)


def version(settings, name=T) -> str | None:
    with connect(settings, read_only=True) as connection:
        return relations(connection, settings, [name])[name].version


def test_each_write_moves_it_and_reading_does_not(warehouse):
    seen = [version(warehouse)]
    for statement in WRITES:
        write(warehouse, statement)
        seen.append(version(warehouse))
        write(warehouse, "select * from s.t", "create schema if not exists s")
        assert version(warehouse) == seen[-1]
    assert len(set(seen)) == len(seen)


def test_that_of_a_view_is_its_sql(warehouse):
    before = version(warehouse, V)
    write(warehouse, "insert into s.t values (12, 'x')")
    assert version(warehouse, V) == before
    write(warehouse, "create or replace view s.v as select i from s.t where i > 1")
    assert version(warehouse, V) != before


def test_a_table_that_is_not_there_has_none(warehouse):
    with connect(warehouse, read_only=True) as connection:
        assert relations(connection, warehouse, [("s", "other")]) == {}


@pytest.mark.parametrize("warehouse", ["duckdb", "ducklake"], indirect=True)
def test_after_a_restore_other_writes_are_other_versions(warehouse, tmp_path):
    """As many as before it: numbers of snapshots come again."""
    shutil.copytree(warehouse.stack_home, tmp_path / "saved")
    write(warehouse, "insert into s.t values (11, 'x')")
    lost = version(warehouse)
    shutil.rmtree(warehouse.stack_home)
    shutil.copytree(tmp_path / "saved", warehouse.stack_home)
    write(warehouse, "insert into s.t values (11, 'y')")
    assert version(warehouse) != lost


def test_rows_of_a_file_are_read_again_only_after_a_write(stack_home):
    """What is remembered is believed as long as the file is as it was."""
    settings = WarehouseSettings(stack_home=stack_home, dlt_destination="duckdb")
    write(settings, "create schema s", "create table s.t as select 1 as i")
    before = version(settings)
    memory = settings.duckdb_file.with_suffix(".versions.json")
    known = json.loads(memory.read_text())
    known["relations"]["s.t"]["version"] = "remembered"
    memory.write_text(json.dumps(known))
    assert version(settings) == "remembered"
    write(settings, "create table s.other as select 1 as i")
    assert version(settings) == before


def test_a_write_that_is_not_in_the_file_yet_is_seen(stack_home):
    settings = WarehouseSettings(stack_home=stack_home, dlt_destination="duckdb")
    write(settings, "create schema s", "create table s.t as select 1 as i")
    before = version(settings)
    with connect(settings) as connection:
        connection.execute("set checkpoint_threshold = '1 TB'")
        connection.execute("insert into s.t values (2)")
        assert relations(connection, settings, [T])[T].version != before


@pytest.mark.parametrize("content", ["", "{", '{"state": 1}'])
def test_a_memory_that_can_not_be_read_is_made_again(stack_home, content):
    settings = WarehouseSettings(stack_home=stack_home, dlt_destination="duckdb")
    write(settings, "create schema s", "create table s.t as select 1 as i")
    before = version(settings)
    settings.duckdb_file.with_suffix(".versions.json").write_text(content)
    assert version(settings) == before


def test_rows_that_are_inlined_in_a_catalog_have_no_version(stack_home):
    settings = WarehouseSettings(stack_home=stack_home, dlt_destination="ducklake")
    with connect(settings) as connection:
        connection.execute("create schema s")
        connection.execute(f"call {settings.database}.set_option('data_inlining_row_limit', 10)")
        connection.execute("create table s.t as select 1 as i")
        connection.execute("insert into s.t values (2)")
        assert relations(connection, settings, [T])[T].version is None

"""The loader shared by all sources, on a real warehouse."""

import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from ingestion.loading import EmptyKeyError, LoadError, TableFile, load, read_state
from ingestion.loading.pipeline import read_states
from stack.raw import Column, RawTable
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect
from support.servers import S3_SECRET


def table(key: tuple[str, ...] = ("id",), name: str = "things") -> RawTable:
    columns = {
        "id": "bigint", "part": "varchar", "amount": "decimal(18,2)", "tags": "json",
        "seen_at": "timestamptz", "updated_at": "timestamp",
    }  # fmt: skip
    return RawTable(
        source="tests",
        name=name,
        description="",
        columns=tuple(Column(name=n, type=t) for n, t in columns.items()),
        primary_key=key,
        event_date=None,
        owner="team:tests",
    )


class Loads:
    """Loads of a source of its own, from queries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, query: str, target: RawTable, replace: bool = False) -> TableFile:
        path = self.folder / f"{uuid.uuid4().hex}.parquet"
        duckdb.execute("set TimeZone = 'UTC'")
        duckdb.execute(f"copy ({query}) to '{path}' (format parquet)")
        rows = duckdb.execute(f"select count(*) from '{path}'").fetchone()[0]
        return TableFile(target, path, rows, replace=replace)

    def load(self, *queries: str, state: dict | None = None, into: RawTable | None = None,
             replace: bool = False, resources: dict | None = None):  # fmt: skip
        target = into or table()
        files = [self.file(query, target, replace) for query in queries]
        return load("tests", files, state or {}, resources=resources)

    def rows(self, query: str) -> list[tuple]:
        settings = load_settings(WarehouseSettings)
        with connect(settings) as connection:
            connection.execute(f"use {settings.database}.{settings.dlt_dataset_name}")
            return connection.execute(query).fetchall()


def things(*rows: tuple) -> str:
    """A query of things with all columns; a row is id, part, amount and day of January."""
    values = ", ".join(
        f"({'null' if i is None else i}::bigint, '{part}', {amount}::decimal(18, 2), '[1]', "
        f"timestamptz '2025-01-01 00:00:00+02', timestamp '2025-01-{day:02}')"
        for i, part, amount, day in rows
    )
    return f"select * from (values {values}) as t (id, part, amount, tags, seen_at, updated_at)"


FOUND = "select id, part, amount from tests_things order by all"


@pytest.fixture
def loads(stack_home, tmp_path) -> Loads:
    """Loads into a DuckDB file."""
    return Loads(tmp_path / "files")


@pytest.fixture(params=["duckdb", "sqlite lake", "postgres and s3 lake"])
def loads_anywhere(request, stack_home, tmp_path, monkeypatch) -> Loads:
    """Loads into each kind of warehouse: a file, a lake in files, a lake on real servers."""
    if request.param != "duckdb":
        monkeypatch.setenv("DLT_DESTINATION", "ducklake")
    if request.param == "postgres and s3 lake":
        s3 = request.getfixturevalue("s3")
        url = request.getfixturevalue("database_url")
        monkeypatch.setenv("DUCKLAKE_CATALOG_URL", url)
        monkeypatch.setenv("DUCKLAKE_DATA_URL", f"s3://{s3.bucket}/{url.rpartition('/')[2]}")
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
    return Loads(tmp_path / "files")


def test_rows_state_and_new_columns_arrive_in_every_kind_of_warehouse(loads_anywhere, stack_home):
    loads = loads_anywhere
    assert read_state("tests") == {}
    report = loads.load(things((1, "a", 1, 1), (2, "b", 2, 1)), state={"cursor": 1})
    assert report.tables["tests_things"].rows_total == 2
    assert read_state("tests") == {"cursor": 1}
    added = f"select *, 'x' as extra from ({things((2, 'b2', 2.5, 2), (3, 'c', 3, 2))})"
    report = loads.load(added, state={"cursor": 2})
    assert report.tables["tests_things"].columns_added[0].name == "extra"
    assert [(r[0], r[1]) for r in loads.rows(FOUND)] == [(1, "a"), (2, "b2"), (3, "c")]
    assert loads.rows("select distinct tags::varchar, seen_at::varchar from tests_things") == [
        ("[1]", "2024-12-31 22:00:00+00")
    ]
    assert read_state("tests") == {"cursor": 2}
    replaced = loads.load(things((9, "z", 9, 1)), state={"cursor": 3}, replace=True)
    assert replaced.tables["tests_things"].rows_total == 1
    assert loads.load(state={"cursor": 3}).tables == {}
    kept = [f.read_bytes() for f in (stack_home / "dlt").rglob("*") if f.is_file()]
    assert kept
    assert not any(S3_SECRET.encode() in content for content in kept)


def test_a_load_of_state_alone_commits_it(loads):
    loads.load(state={"nothing": "but state"})
    assert read_state("tests") == {"nothing": "but state"}


READING = """
import sys
from ingestion.loading import read_state
print(read_state("tests"), sorted({"dlt", "pandas"} & set(sys.modules)))
"""


def test_a_state_is_read_without_what_only_a_load_needs(loads):
    loads.load(state={"cursor": "2026-03-01"})
    read = subprocess.run([sys.executable, "-c", READING], capture_output=True, check=True)
    assert read.stdout.decode().strip() == "{'cursor': '2026-03-01'} []"


def test_states_that_only_dlt_can_read_are_read_by_dlt(loads):
    newest = datetime(2026, 3, 1, 12, tzinfo=UTC)
    loads.load(state={"n": 1}, resources={"orders": {"last": newest}})
    assert read_states("tests") == ({"n": 1}, {"orders": {"last": newest}})
    loads.load(state={"n": 2}, resources={})
    with connect(load_settings(WarehouseSettings)) as connection:
        connection.execute("update freelancer_raw._dlt_pipeline_state set engine_version = 3")
    assert read_states("tests") == ({"n": 2}, {})


def test_a_key_of_several_columns_is_merged_on_all_of_them(loads):
    target = table(("id", "part"))
    loads.load(things((1, "a", 1, 1), (1, "b", 2, 1)), into=target)
    loads.load(things((1, "b", 20, 2), (2, "a", 3, 2)), into=target)
    assert [(i, p, float(a)) for i, p, a in loads.rows(FOUND)] == [
        (1, "a", 1), (1, "b", 20), (2, "a", 3),
    ]  # fmt: skip


def test_a_table_without_a_key_is_appended_to(loads):
    target = table(())
    loads.load(things((1, "a", 1, 1), (1, "a", 1, 1)), into=target)
    loads.load(things((1, "a", 1, 1)), into=target)
    assert loads.rows("select count(*) from tests_things") == [(3,)]


def test_rows_without_a_key_are_refused_before_anything_is_loaded(loads):
    loads.load(things((1, "a", 1, 1)), state={"n": 1})
    with pytest.raises(EmptyKeyError, match="tests_things: 1 rows have no id, the table's primary"):
        loads.load(things((2, "b", 1, 1), (None, "c", 1, 1)), state={"n": 2})
    assert [r[0] for r in loads.rows(FOUND)] == [1]
    assert read_state("tests") == {"n": 1}


def test_the_order_of_loads_does_not_matter_to_versions_of_a_row(loads):
    loads.load(things((1, "third", 1, 3)))
    loads.load(things((1, "second", 1, 2)), things((1, "first", 1, 1)))
    assert loads.rows(FOUND)[0][1] == "third"
    loads.load(things((1, "corrected, same day", 1, 3)))
    assert loads.rows(FOUND)[0][1] == "corrected, same day"


def test_a_file_that_lacks_columns_or_has_them_in_another_order_fits(loads):
    loads.load("select timestamp '2025-01-01' as updated_at, 'a' as part, 1::integer as id")
    assert loads.rows(FOUND) == [(1, "a", None)]


def test_a_file_of_another_type_fails_in_one_line_and_changes_nothing(loads):
    loads.load(things((1, "a", 1, 1)), state={"n": 1})
    with pytest.raises(LoadError, match="tests could not be loaded: Conversion Error") as failure:
        loads.load("select 'one' as id", state={"n": 2})
    assert "\n" not in str(failure.value)
    assert [r[0] for r in loads.rows(FOUND)] == [1]
    assert read_state("tests") == {"n": 1}

"""A declared database: what is wrong with its address or its table, in one line."""

import sqlite3

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.sources.database import engine_of, table_of
from ingestion.sources.declarations import load_sources


def source(tmp_path, url: str):
    text = f"kind: sql_database\nname: till\nurl: {url}\ntables: {{orders: {{}}}}\n"
    (tmp_path / "shop.yml").write_text(text)
    return load_sources(tmp_path)[0]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("shop.db", "isn't the address of a database, like postgresql://"),
        ("foo://u:s3cret@host/db", "url begins with foo"),
        ("oracle+cx_oracle://u:s3cret@host/db", "driver of oracle.* isn't installed"),
        ("sqlite:///shop.db", "no file shop.db, from the folder of the process; .* four slashes"),
        ("sqlite:////nowhere/shop.db", "no file /nowhere/shop.db"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(tmp_path, url, told):
    with pytest.raises(UnreadableFileError, match=told) as error:
        engine_of(source(tmp_path, url), {})
    assert "s3cret" not in str(error.value)


def test_a_missing_file_is_not_created(tmp_path):
    file = tmp_path / "gone.db"
    with pytest.raises(UnreadableFileError):
        engine_of(source(tmp_path, f"sqlite:///{file}"), {})
    assert not file.exists()


def test_the_older_name_of_postgres_is_understood(tmp_path):
    engine = engine_of(source(tmp_path, "postgres://u:p@host/db"), {})
    assert engine.dialect.name == "postgresql"


def test_a_missing_table_or_cursor_is_told_with_those_that_there_are(tmp_path):
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as database:
        database.executescript("create table orders (id, at); create view recent as select 1 as id")
    engine = engine_of(source(tmp_path, f"sqlite:///{file}"), {})
    with pytest.raises(UnreadableFileError, match="no table or view order; found are orders, rec"):
        table_of(engine, "order", None, None)
    with pytest.raises(
        UnreadableFileError, match="no column updated, the cursor; found are id, at"
    ):
        table_of(engine, "orders", None, "updated")

"""The lake's catalog is identified by its whole URL."""

from contextlib import closing
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

from stack.settings import WarehouseSettings
from stack.warehouse import connect
from stack.warehouse.connection import WarehouseError, lake_uri


def lake(home, url) -> WarehouseSettings:
    return WarehouseSettings(stack_home=home, dlt_destination="ducklake", ducklake_catalog_url=url)


def test_user_password_and_database_may_have_any_character(postgres_url, tmp_path):
    user, password, database = "o'neil @ home", 'p\' ss\\word = "x"', "the lake's"
    with closing(psycopg2.connect(postgres_url)) as admin:
        admin.autocommit = True
        admin.cursor().execute('create role "o\'neil @ home" superuser login')
        admin.cursor().execute('create database "the lake\'s"')
    host = postgres_url.rpartition("@")[2].partition("/")[0]
    url = f"postgresql://{quote(user)}:{quote(password)}@{host}/{quote(database)}"
    settings = lake(tmp_path, url)
    # The server of the tests asks for no password.
    assert parse_dsn(lake_uri(settings).removeprefix("ducklake:postgres:"))["password"] == password
    with connect(settings) as connection:
        connection.execute("create table t as select 1 as n")
    with closing(psycopg2.connect(url)) as catalog, catalog.cursor() as cursor:
        cursor.execute("select table_name from warehouse.ducklake_table")
        assert cursor.fetchall() == [("t",)]


def test_what_follows_the_question_mark_is_as_good_as_what_stands_before(database_url, tmp_path):
    port, _, name = database_url.rpartition(":")[2].partition("/")
    url = f"postgresql:///nothing?host=127.0.0.1&port={port}&user=postgres&dbname={name}"
    settings = lake(tmp_path, f"{url}&application_name=a+b%20c&connect_timeout=7")
    with connect(settings) as connection:
        connection.execute("select 1")
    given = parse_dsn(lake_uri(settings).removeprefix("ducklake:postgres:"))
    assert (given["application_name"], given["connect_timeout"]) == ("a+b c", "7")
    assert given["tcp_user_timeout"] == "60000"


def test_a_lake_whose_data_is_elsewhere_is_told_with_both_places(database_url, tmp_path):
    with connect(lake(tmp_path / "before", database_url)):
        pass
    url = database_url.replace("unused", "before")
    with (
        pytest.raises(WarehouseError, match="DUCKLAKE_DATA_URL") as told,
        connect(lake(tmp_path / "after", url)),
    ):
        pass
    assert "\n" not in str(told.value)
    assert f"{tmp_path}/after/lake/data/" in str(told.value)
    assert f"{tmp_path}/***/lake/data/" in str(told.value)  # a word like the password


@pytest.mark.parametrize("password", ["hunter2/x", "hunter2#x", "hunter2?x"])
def test_a_url_that_can_not_be_read_is_told_without_its_password(tmp_path, password):
    with pytest.raises(WarehouseError, match="DUCKLAKE_CATALOG_URL can't be read") as told:
        lake_uri(lake(tmp_path, f"postgresql://me:{password}@db.example.test:5432/lake"))
    assert "hunter2" not in str(told.value)
    assert told.value.__suppress_context__


def test_parameters_of_the_url_are_kept_and_postgres_words_are_told_without_a_password(
    postgres_url, tmp_path
):
    url = postgres_url.replace("unused", "hunter2")
    with (
        pytest.raises(WarehouseError, match="server does not support SSL") as told,
        connect(lake(tmp_path, f"{url}?sslmode=require")),
    ):
        pass
    assert "hunter2" not in str(told.value)

"""The lake's catalog is found by the whole of its URL."""

from contextlib import closing
from urllib.parse import quote

import psycopg2
import pytest

from stack.settings import WarehouseSettings
from stack.warehouse import connect
from stack.warehouse.connection import WarehouseError


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
    with connect(lake(tmp_path, url)) as connection:
        connection.execute("create table t as select 1 as n")
    with closing(psycopg2.connect(url)) as catalog, catalog.cursor() as cursor:
        cursor.execute("select table_name from warehouse.ducklake_table")
        assert cursor.fetchall() == [("t",)]


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

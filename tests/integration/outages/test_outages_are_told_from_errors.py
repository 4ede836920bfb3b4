"""Which errors of real libraries, caused by real servers, mean that a store is away."""

import threading
from contextlib import closing

import duckdb
import psycopg2
import pytest
import sqlalchemy
from s3fs import S3FileSystem
from sqlalchemy.pool import NullPool

from stack.outage import OutageError, is_outage, tells_of_outage
from stack.patience import impatient
from stack.storage import filesystem
from stack.warehouse import WarehouseError
from stack.warehouse.connection import open_connection
from support.servers import S3_KEY, S3_SECRET


def error_of(work, *arguments):
    """What `work` raises."""
    with pytest.raises(Exception) as told:
        work(*arguments)
    return told.value


def cut(cable):
    cable.cut()


def held(cable):
    cable.hold()


def overloaded(cable):
    cable.answer("503 Slow Down")


def broken(cable):
    cable.answer("500 Internal Server Error")


def throttled(cable):
    cable.answer("429 Too Many Requests")


def forbidden(cable):
    cable.answer("403 Forbidden")


ANSWERS = [overloaded, broken, throttled]
OUTAGES = [cut, held, *ANSWERS]


@pytest.fixture
def files(s3, s3_cable):
    """S3 by fsspec, without second tries; a file `lake/there` of 1 MB is in it."""
    login = {"key": S3_KEY, "secret": S3_SECRET}
    S3FileSystem(**login, endpoint_url=s3.endpoint).pipe_file(f"{s3.bucket}/there", b"x" * 10**6)
    fs = S3FileSystem(
        **login,
        endpoint_url=f"http://127.0.0.1:{s3_cable.port}",
        config_kwargs={"retries": {"max_attempts": 0}, "connect_timeout": 1, "read_timeout": 1},
        skip_instance_cache=True,
    )
    fs.retries = 1
    return fs


@pytest.mark.parametrize("how", OUTAGES)
def test_s3_that_is_away_from_files(files, s3, s3_cable, how):
    how(s3_cable)
    assert is_outage(error_of(files.cat_file, f"{s3.bucket}/there"))


@pytest.mark.parametrize("how", [cut, *ANSWERS])
def test_s3_that_takes_no_files(files, s3, s3_cable, how):
    how(s3_cable)
    assert is_outage(error_of(files.pipe_file, f"{s3.bucket}/new", b"1"))


def test_s3_that_goes_away_amid_a_file(files, s3, s3_cable):
    s3_cable.slow(0.05)
    with closing(files.open(f"{s3.bucket}/there", block_size=100_000)) as file:
        file.read(1)
        threading.Timer(0.2, s3_cable.cut).start()
        assert is_outage(error_of(file.read))


def test_s3_that_refuses(files, s3, s3_cable):
    assert not is_outage(error_of(files.cat_file, f"{s3.bucket}/missing"))
    forbidden(s3_cable)
    assert not is_outage(error_of(files.cat_file, f"{s3.bucket}/there"))


@pytest.fixture
def warehouse(lake):
    """A connection to the lake, without second tries, and a table `main.t` in it."""
    with closing(open_connection(lake)) as connection:
        connection.execute("set http_retries = 0; set http_timeout = 1")
        connection.execute("create table t as select range i from range(1000)")
        yield connection


@pytest.mark.parametrize("how", OUTAGES)
def test_s3_that_is_away_from_duckdb(warehouse, s3_cable, how):
    how(s3_cable)
    for statement in ("select sum(i) from t", "create table u as select 1 as one"):
        error = error_of(warehouse.execute, statement)
        assert is_outage(error), error
        assert tells_of_outage(str(error))  # as dbt tells it


def test_s3_that_refuses_duckdb(warehouse, s3_cable):
    forbidden(s3_cable)
    assert not is_outage(error_of(warehouse.execute, "select sum(i) from t"))


def test_catalog_that_is_away(warehouse, lake, postgres_cable):
    postgres_cable.cut()
    assert is_outage(error_of(warehouse.execute, "select count(*) from t"))
    with impatient():
        error = error_of(open_connection, lake)
    assert isinstance(error, WarehouseError)
    assert is_outage(error)
    assert "connection to server" in str(error)
    assert "connect_timeout" not in str(error)  # nor any other part of the address


def test_catalog_that_goes_away_amid_a_transaction(warehouse, postgres_cable):
    warehouse.execute("begin; insert into t values (1)")
    postgres_cable.cut()
    assert is_outage(error_of(warehouse.execute, "commit"))


def test_other_writers_who_came_first(warehouse, lake):
    with closing(open_connection(lake)) as other:
        for connection in (warehouse, other):
            connection.execute("begin; update t set i = 0 where i = 5")
        other.execute("commit")
    assert is_outage(error_of(warehouse.execute, "commit"))


@pytest.mark.parametrize(
    "statement", ["select * from missing", "select nothing from t", "select 1/", "selekt"]
)
def test_statements_that_are_wrong(warehouse, statement):
    assert not is_outage(error_of(warehouse.execute, statement))


@pytest.mark.parametrize("there", ["127.0.0.1:{port}/missing", "nowhere.invalid:5432/lake"])
def test_catalog_that_is_not_there_at_all(lake, database_url, there):
    url = f"postgresql://postgres:secret@{there.format(port=database_url.split(':')[-1][:5])}"
    wrong = lake.model_copy(update={"ducklake_catalog_url": type(lake.ducklake_catalog_url)(url)})
    error = error_of(open_connection, wrong)
    assert isinstance(error, WarehouseError)
    assert not is_outage(error)


@pytest.fixture
def engine(postgres_by_cable):
    return sqlalchemy.create_engine(postgres_by_cable, poolclass=NullPool)


def test_postgres_that_is_away(engine, postgres_cable):
    with engine.connect() as connection:
        postgres_cable.cut()
        assert is_outage(error_of(connection.execute, sqlalchemy.text("select 1")))
    assert is_outage(error_of(engine.connect))


def test_postgres_that_takes_connections_and_says_nothing(postgres_by_cable, postgres_cable):
    postgres_cable.hold()
    assert is_outage(error_of(psycopg2.connect, f"{postgres_by_cable}?connect_timeout=2"))


def test_postgres_that_ends_connections(database_url):
    with closing(psycopg2.connect(database_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("select pg_backend_pid()")
        with closing(psycopg2.connect(database_url)) as other:
            other.cursor().execute(f"select pg_terminate_backend({cursor.fetchone()[0]}, 10000)")
        assert is_outage(error_of(cursor.execute, "select 1"))


def test_postgres_that_is_full(database_url):
    with closing(psycopg2.connect(database_url)) as admin:
        admin.autocommit = True
        name = f"role_{database_url[-8:]}"
        admin.cursor().execute(f"create role {name} login connection limit 1")
        crowded = database_url.replace("postgres:unused", f"{name}:unused")
        with closing(psycopg2.connect(crowded)):
            assert is_outage(error_of(psycopg2.connect, crowded))
        admin.cursor().execute(f"drop role {name}")


def test_postgres_that_refuses(database_url, engine):
    stranger = database_url.replace("postgres:unused", "stranger:unused")
    assert not is_outage(error_of(psycopg2.connect, stranger))
    with engine.connect() as connection:
        missing = sqlalchemy.text("select * from missing")
        assert not is_outage(error_of(connection.execute, missing))


def test_what_an_outage_led_to():
    def load():
        try:
            raise OutageError("S3 is away")
        except OutageError:
            raise ValueError("the load broke off") from None

    assert is_outage(error_of(load))
    assert is_outage(ExceptionGroup("all loads", [error_of(load)]))
    assert not is_outage(None)


def test_files_of_this_machine(stack_home):
    fs, root = filesystem(str(stack_home))
    assert not is_outage(error_of(fs.cat_file, f"{root}/missing"))
    with duckdb.connect() as connection:
        assert not is_outage(error_of(connection.execute, f"from '{root}/missing.parquet'"))

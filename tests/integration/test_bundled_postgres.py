"""How the chart's bundled Postgres prepares its volume before it listens."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import dagster_postgres.run_storage
import psycopg2
import psycopg2.errors
import pytest
from alembic.script import ScriptDirectory
from dagster_postgres.utils import pg_alembic_config

from scripts.chart_values_page import CHART
from support.servers import postgres_programs

PASSWORDS = {
    "POSTGRES_PASSWORD": "of the superuser",
    "DAGSTER_PASSWORD": 'it\'s "odd" \\ %s',
    "LAKE_PASSWORD": "of-the-lake",
    "OBSERVER_PASSWORD": "of the observer",
}
KEPT = ("freelancer-data-stack/metrics", "freelancer-data-stack/messages")
STORAGE = """
storage:
  postgres:
    postgres_db:
      hostname: 127.0.0.1
      port: {port}
      db_name: dagster
      username: {user}
      password: {{env: DAGSTER_PG_PASSWORD}}
telemetry: {{enabled: false}}
"""


@pytest.fixture(scope="module")
def programs():
    with postgres_programs() as found:
        shutil.copytree(CHART / "files", found.folder / "files")
        yield found


@pytest.fixture
def volume(programs):
    folder = programs.new_folder("volume")
    yield folder
    shutil.rmtree(folder)


def start(programs, volume, **passwords):
    """Run what runs as the pod starts; the finished process."""
    return subprocess.run(
        ["bash", programs.folder / "files" / "postgresql.sh"],
        env={"PATH": f"{programs.bin}:{os.environ['PATH']}", "PGDATA": str(volume / "pgdata")}
        | PASSWORDS
        | passwords,
        user=programs.user, cwd=programs.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def started(programs, volume, **passwords):
    done = start(programs, volume, **passwords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def served(programs, volume):
    """As the pod serves it; a function that connects."""
    hba = f"hba_file={programs.folder}/files/pg_hba.conf"
    with programs.server(volume / "pgdata", "-c", hba) as port:
        yield lambda user, password, database=None: psycopg2.connect(
            host="127.0.0.1", port=port, user=user, password=password, dbname=database or user
        )


def answer(connection, query):
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def assert_each_role_has_its_database_only(connect):
    for user in ("dagster", "lake"):
        connection = connect(user, PASSWORDS[f"{user.upper()}_PASSWORD"])
        with connection, connection.cursor() as cursor:
            cursor.execute("create table if not exists of_its_own (a int)")
        [rights] = answer(
            connection,
            "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
            " from pg_roles where rolname = current_user",
        )
        assert not any(rights)
        for other in {"dagster", "lake", "postgres", "template1"} - {user}:
            with pytest.raises(psycopg2.OperationalError):
                connect(user, PASSWORDS[f"{user.upper()}_PASSWORD"], other)
        connection.close()
    connect("postgres", PASSWORDS["POSTGRES_PASSWORD"]).close()


def test_an_empty_volume_gets_two_databases_each_for_its_role_alone(programs, volume):
    started(programs, volume)
    with served(programs, volume) as connect:
        assert_each_role_has_its_database_only(connect)


def schema(mode, home, connection, **variables):
    """Run what the schema Job and those that wait for it run; the finished process."""
    told = connection.get_dsn_parameters()
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(STORAGE.format(port=told["port"], user=told["user"]))
    return subprocess.run(
        [sys.executable, CHART / "files" / "schema.py", mode],
        env=os.environ
        | {"DAGSTER_HOME": str(home), "SCHEMA_TIMEOUT_SECONDS": "60"}
        | {"DAGSTER_PG_PASSWORD": PASSWORDS[f"{told['user'].upper()}_PASSWORD"]}
        | variables,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_revisions_of_dagster_are_known_without_importing_it():
    asked = "import json, sys; sys.path.insert(0, sys.argv[1]); import schema; "
    asked += "latest, known = schema.revisions(); "
    asked += "print(json.dumps([latest, sorted(known), 'dagster' in sys.modules]))"
    told = subprocess.run(
        [sys.executable, "-c", asked, CHART / "files"], capture_output=True, text=True, check=True
    ).stdout
    script = ScriptDirectory.from_config(pg_alembic_config(dagster_postgres.run_storage.__file__))
    known = sorted(revision.revision for revision in script.walk_revisions())
    assert json.loads(told) == [script.as_revision_number("head"), known, False]


def test_the_observer_reads_the_run_storage_and_writes_its_own_value_only(
    programs, volume, tmp_path
):
    started(programs, volume)
    with served(programs, volume) as connect:
        own = connect("dagster", PASSWORDS["DAGSTER_PASSWORD"])
        observer = connect("observer", PASSWORDS["OBSERVER_PASSWORD"], "dagster")
        for _ in range(2):
            done = schema("migrate", tmp_path / "home", own, OBSERVER="observer")
            assert done.returncode == 0, done.stdout + done.stderr
        waited = schema("wait", tmp_path / "home", observer)
        assert waited.returncode == 0, waited.stdout + waited.stderr
        assert answer(observer, "select count(*) from runs") == [(0,)]
        [(notes,)] = answer(observer, "select count(*) from kvs")
        assert notes > 0
        for key in KEPT:
            value = f"insert into kvs (key, value) values ('{key}', '{{}}') returning 1"
            assert answer(observer, value) == [(1,)]
        written = "update kvs set value = 'x' where key like '%' returning key"
        assert sorted(answer(observer, written)) == sorted((key,) for key in KEPT)
        for refused in (
            "insert into kvs (key, value) values ('another', 'x') returning 1",
            "delete from kvs returning 1",
            "update runs set status = 'SUCCESS' returning 1",
            "create table more (a int)",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                answer(observer, refused)
        assert answer(own, "update kvs set value = value returning 1") == [(1,)] * (notes + 2)
        own.close()
        observer.close()
        lake = connect("lake", PASSWORDS["LAKE_PASSWORD"])
        with lake, lake.cursor() as cursor:
            cursor.execute("create schema made create table made.later (a int)")
        lake.close()
        observer = connect("observer", PASSWORDS["OBSERVER_PASSWORD"], "lake")
        assert answer(observer, "select count(*) from made.later") == [(0,)]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            answer(observer, "delete from made.later returning 1")
        observer.close()
        for other in ("postgres", "template1"):
            with pytest.raises(psycopg2.OperationalError):
                connect("observer", PASSWORDS["OBSERVER_PASSWORD"], other)


def test_without_a_password_nobody_logs_in_as_the_observer(programs, volume):
    started(programs, volume)
    started(programs, volume, OBSERVER_PASSWORD="")
    with served(programs, volume) as connect, pytest.raises(psycopg2.OperationalError):
        connect("observer", PASSWORDS["OBSERVER_PASSWORD"], "dagster")


def test_passwords_follow_the_secret_at_each_start(programs, volume):
    started(programs, volume)
    with served(programs, volume) as connect:
        connect("lake", "of-the-lake").close()
    said = started(programs, volume, LAKE_PASSWORD="another", POSTGRES_PASSWORD="")
    assert "another" not in said
    with served(programs, volume) as connect:
        connect("lake", "another").close()
        for user, former in (("lake", "of-the-lake"), ("postgres", "of the superuser")):
            with pytest.raises(psycopg2.OperationalError):
                connect(user, former)


def made_by_the_charts_first_version(programs, volume):
    """A volume as the official image makes it with POSTGRES_USER=dagster, with tables in it."""
    data = volume / "pgdata"
    subprocess.run(
        [programs.bin / "initdb", "-D", data, "-U", "dagster", "--auth=trust"],
        check=True, user=programs.user, cwd=programs.folder, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with programs.server(data) as port:
        connection = psycopg2.connect(
            host="127.0.0.1", port=port, user="dagster", dbname="postgres"
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("create database dagster")
            cursor.execute("create role lake login password 'former'")
            cursor.execute("create database lake owner lake")
        connection.close()
        connection = psycopg2.connect(host="127.0.0.1", port=port, user="dagster", dbname="dagster")
        with connection, connection.cursor() as cursor:
            cursor.execute("create table runs (id bigserial primary key, status text)")
            cursor.execute("create sequence free_standing")
            cursor.execute("create type colour as enum ('red')")
            cursor.execute("create view done as select * from runs")
            cursor.execute("create schema more create table more.of_it (a int)")
            cursor.execute("insert into runs (status) values ('SUCCESS')")
        connection.close()


def test_a_volume_of_the_charts_first_version_keeps_its_data_and_loses_its_superuser(
    programs, volume
):
    made_by_the_charts_first_version(programs, volume)
    for _ in range(2):
        started(programs, volume)
    with served(programs, volume) as connect:
        assert_each_role_has_its_database_only(connect)
        own = connect("dagster", PASSWORDS["DAGSTER_PASSWORD"])
        with own, own.cursor() as cursor:
            cursor.execute("insert into runs (status) values ('QUEUED') returning id")
            assert cursor.fetchall() == [(2,)]
            cursor.execute("alter table runs add column tags text")  # as a migration does
            cursor.execute("alter type colour add value 'blue'")
            cursor.execute("select nextval('free_standing')")
            cursor.execute("insert into more.of_it values (1)")
        assert answer(own, "select count(*) from done") == [(2,)]
        own.close()
        top = connect("postgres", PASSWORDS["POSTGRES_PASSWORD"])
        assert answer(top, "select rolname from pg_roles where rolsuper") == [("postgres",)]
        top.close()


def test_a_takeover_that_was_cut_off_is_finished_at_the_next_start(programs, volume):
    made_by_the_charts_first_version(programs, volume)
    with programs.server(volume / "pgdata") as port:
        connection = psycopg2.connect(
            host="127.0.0.1", port=port, user="dagster", dbname="postgres"
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("create role takeover superuser login")
        connection.close()
        connection = psycopg2.connect(
            host="127.0.0.1", port=port, user="takeover", dbname="postgres"
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("alter role dagster rename to postgres")
        connection.close()
    started(programs, volume)
    with served(programs, volume) as connect:
        assert_each_role_has_its_database_only(connect)


@pytest.mark.parametrize(
    ("passwords", "says"),
    [
        ({"DAGSTER_PASSWORD": ""}, "DAGSTER_PASSWORD is empty"),
        ({"LAKE_PASSWORD": "p@ss"}, "lake-password has a character"),
    ],
)
def test_a_secret_that_can_not_work_is_named_and_nothing_is_made(programs, volume, passwords, says):
    done = start(programs, volume, **passwords)
    assert done.returncode == 1
    assert says in done.stderr
    assert not list(volume.iterdir())


def test_files_that_are_no_database_are_left_alone(programs, volume):
    found = volume / "pgdata"
    found.mkdir()
    (found / "photo.jpg").write_text("x")
    if programs.user:
        shutil.chown(found, programs.user)
    done = start(programs, volume)
    assert "holds files, but no database" in done.stderr
    assert (found / "photo.jpg").read_text() == "x"

"""A program that holds the DuckDB file is waited for, and named if it doesn't let go."""

import logging
import signal
import subprocess
import sys
import threading

import duckdb
import pytest

from stack.settings import WarehouseSettings
from stack.warehouse import WarehouseBusyError, connect
from stack.warehouse.connection import attach_warehouse
from support.holder import held
from support.stack_process import COMMAND, StackProcess

MODES = pytest.mark.parametrize("mode", ["reader", "writer"])


def write(settings):
    with connect(settings) as connection:
        connection.execute("create or replace table written as select 1 as one")


def attach(settings):
    with duckdb.connect() as connection:  # as dbt does
        attach_warehouse(connection, settings)
        connection.execute("create or replace table written as select 1 as one")


@pytest.fixture
def settings(stack_home):
    settings = WarehouseSettings(stack_home=stack_home, warehouse_threads=1)
    with connect(settings):
        return settings


class LetGo(logging.Handler):
    """Lets the file go once the log says that it is waited for."""

    def __init__(self, holder):
        super().__init__()
        self.holder, self.said = holder, []

    def emit(self, record):
        self.said.append(record.getMessage())
        self.holder.let_go()


@MODES
@pytest.mark.parametrize("load", [write, attach])
def test_a_load_waits_for_a_program_that_holds_the_file_and_says_so(settings, load, mode):
    logger = logging.getLogger("dagster.builtin")
    with held(settings.duckdb_file, mode) as holder:
        handler = LetGo(holder)
        logger.addHandler(handler)
        try:
            load(settings)
        finally:
            logger.removeHandler(handler)
    assert len(handler.said) == 1
    assert holder.names_it(handler.said[0])
    assert "waiting up to 60 s" in handler.said[0]
    with connect(settings, read_only=True) as connection:
        assert connection.execute("from written").fetchall() == [(1,)]


@MODES
@pytest.mark.parametrize("load", [write, attach])
def test_a_program_that_never_lets_go_is_named_in_one_line(settings, load, mode):
    impatient = settings.model_copy(update={"warehouse_wait_seconds": 1.0})
    refused = pytest.raises(WarehouseBusyError, match="is still held by process")
    with held(settings.duckdb_file, mode) as holder, refused as told:
        load(impatient)
    assert holder.names_it(str(told.value))
    assert "\n" not in str(told.value)


def test_passwords_of_the_program_that_holds_the_file_stay_out_of_the_message(settings):
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[-1]); print(flush=True); input()"
    secrets = ["postgresql://me:pass-1@host/db", "--password", "pass-2", "--token=pass-3"]
    command = [sys.executable, "-c", hold, *secrets, settings.duckdb_file]
    impatient = settings.model_copy(update={"warehouse_wait_seconds": 0.0})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"\n"
        with pytest.raises(WarehouseBusyError) as told:
            write(impatient)
        holder.communicate(b"\n")
    assert "--password" in str(told.value)
    assert "pass-" not in str(told.value)


def test_make_run_beside_a_shell_waits_and_ends_with_the_line(settings):
    stack = StackProcess(settings.stack_home, {"WAREHOUSE_WAIT_SECONDS": "1"})
    with held(settings.duckdb_file, "reader") as holder:
        done = stack.run_pipeline("transformation_pipeline")
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout
    assert any("waiting up to 1 s" in line and holder.names_it(line) for line in lines), lines
    (failure,) = [line for line in lines if "still held" in line and line.startswith("  dbt_run")]
    assert holder.names_it(failure)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_waiting_run_ends_at_once_when_it_is_terminated(settings):
    stack = StackProcess(settings.stack_home, {"WAREHOUSE_WAIT_SECONDS": "3600"})
    with held(settings.duckdb_file):
        run = stack.start("-u", COMMAND, "run", "transformation_pipeline")
        watchdog = threading.Timer(300, run.kill)
        watchdog.start()
        seen = []
        for line in run.stdout:
            seen.append(line)
            if "waiting up to" in line:
                run.send_signal(signal.SIGTERM)
                break
        run.communicate(timeout=120)
        watchdog.cancel()
    assert "waiting up to" in seen[-1], seen
    assert run.returncode != 0


def test_a_query_waits_no_longer_than_a_person_would(settings):
    stack = StackProcess(settings.stack_home, {"WAREHOUSE_WAIT_SECONDS": "3600"})
    with held(settings.duckdb_file) as holder:
        done = stack.run(COMMAND, "query", "select 1")
    assert done.returncode == 2
    said, refused = done.stderr.splitlines()
    assert "waiting up to 5 s" in said
    assert holder.names_it(refused)

"""One `make dev` for all tests in the folder."""

import pytest

from support.dev import make_dev
from support.servers import free_port
from support.stack_process import StackProcess

# Its asset waits while a file says so, and then writes to the warehouse.
LOCATION = """
import os, time
from pathlib import Path
import dagster as dg
from stack.locations import Location, location_definitions
from stack.pipelines import Stage
from stack.warehouse import connect
from stack.warehouse.pool import WAREHOUSE_POOL

HOME = Path(os.environ["STACK_HOME"])

@dg.asset(pool=WAREHOUSE_POOL)
def dbt_run() -> None:
    while (HOME / "hold-on").exists():
        (HOME / "holds-on").touch()
        time.sleep(0.1)
    with connect() as connection:
        connection.execute("create or replace table written as select 1 as one")

defs = location_definitions(Location(Stage.TRANSFORMATION, settings=[], assets=[dbt_run]))
"""


@pytest.fixture(scope="session")
def dev(tmp_path_factory):
    home = tmp_path_factory.mktemp("dev") / "stack"
    environment = {"WAREHOUSE_WAIT_SECONDS": "1", "OBSERVE_PORT": str(free_port())}
    with make_dev(StackProcess(home, environment), LOCATION) as dev:
        yield dev

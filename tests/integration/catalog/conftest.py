"""A small stack after all other stages: warehouse and artifacts, built once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from catalog.assets import datahub_metadata_ingestion
from catalog.holding import CLAIMS
from stack.activity import ActivityLog, Read
from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import MANIFEST, RUN_RESULTS, TEST_RESULTS
from stack.gx_artifacts import ExpectationResult, ValidationResult, write_validation
from stack.load_report import InputReport, LoadReport, TableReport, write_report
from stack.options import options_config
from stack.raw import Column, RawTable, raw_tables
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables
from support.homes import only_home

PROJECT = Path(__file__).parent / "project"
RUN = "run-of-the-other-stages"

ROWS = """
insert into freelancer_raw.books_clients (client_id, name, country, currency)
values (1, 'Ada', 'GB', 'GBP'), (2, 'Bob', null, 'EUR');
insert into freelancer_raw.books_invoices (invoice_id, client_id, net_amount)
values (1, 1, 100.5), (2, 1, -3), (3, 2, -20);
insert into freelancer_raw.shop_customers (id, name, address) values (1, 'Eve', '{}');
create table freelancer_raw.github_issues (id bigint, title varchar);
create table freelancer_raw.crm_contacts as select 7::bigint as id;
"""

CRM = RawTable(
    source="crm",
    name="contacts",
    description="People whom the freelancer knows.",
    columns=(Column(name="id", type="bigint", description="Number of the contact."),),
    primary_key=("id",),
    owner="team:sales",
    platform="postgres",
)
ISSUES = RawTable(source="github", name="issues", loader="airbyte_sync_job", platform="airbyte")


def load(loader: str, asset: str, connectors: dict[str, str], **tables: int) -> LoadReport:
    """A loader's report: rows by table, and by what its inputs were read."""
    declared = {t.table_name: t for t in (*raw_tables(), CRM, ISSUES)}
    return LoadReport(
        loader=loader,
        asset=asset,
        inputs=[
            InputReport(name=table, table=table, facts={"connector": connector})
            for table, connector in connectors.items()
        ],
        tables={
            name: TableReport(table=declared[name], rows_loaded=rows, rows_total=rows, seconds=0.1)
            for name, rows in tables.items()
        },
    )


CONNECTORS = {
    "shop_customers": "airbyte-source-faker",
    "github_issues": "airbyte-source-github",
}
LOADS = (
    load("books", "dlt_ingestion_pipeline", {}, books_clients=2, books_invoices=3),
    load("airbyte", "airbyte_sync_job", CONNECTORS, shop_customers=1, github_issues=0),
    # A loader, and a source, that the catalog has never heard of.
    load("cards", "card_index", {}, crm_contacts=1),
)


def _expectation(schema, table, check_name, expectation_type, **rest):
    return ExpectationResult(
        schema_name=schema,
        table=table,
        check_name=check_name,
        expectation_type=expectation_type,
        **{"success": True, **rest},
    )


VALIDATION = ValidationResult(
    success=False,
    checkpoint="daily_validation",
    run_id=RUN,
    results=[
        _expectation(
            "marts", "client_revenue", "revenue_is_known", "expect_column_values_to_not_be_null",
            column="revenue", unexpected_count=0, element_count=2,
        ),
        _expectation(
            "raw", "books_invoices", "amount_is_plausible", "expect_column_values_to_be_between",
            column="net_amount", kwargs={"min_value": 0, "max_value": 1000.5}, severity="warning",
            success=False, unexpected_count=2, element_count=3,
        ),
        _expectation(
            "raw", "books_clients", "broken", "expect_table_row_count_to_equal",
            success=False, error="no such column",
        ),
    ],
)  # fmt: skip


REVENUE, ASKED = "marts.client_revenue", "SELECT revenue FROM marts.client_revenue LIMIT $1"

DBT = """
import shutil, sys
from dbt.cli.main import dbtRunner
target, *options = sys.argv[1:]
for command in ("run", "test"):
    assert dbtRunner().invoke([command, *options]).success
    shutil.copyfile(f"{target}/run_results.json", f"{target}/{command}.json")
"""


@pytest.fixture(scope="session")
def built_stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A STACK_HOME with a DuckDB warehouse, and the artifacts of one run of every stage."""
    home = tmp_path_factory.mktemp("built")
    with only_home(home):
        _build(home, tmp_path_factory.mktemp("target"))
    return home


def _build(home: Path, target: Path) -> None:
    now = datetime.now(UTC)
    settings = load_settings(WarehouseSettings)
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables())
        connection.execute(ROWS)
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    subprocess.run(
        [sys.executable, "-c", DBT, target, "--project-dir", PROJECT, "--profiles-dir", PROJECT,
         "--target-path", target, "--log-path", target],
        env=os.environ | {"SMALL_BOOKS_WAREHOUSE": str(settings.duckdb_file)}, check=True,
    )  # fmt: skip
    # The manifest of `dbt test`, which lacks the models' SQL: the harder one of the two.
    for artifact, name in ((RUN_RESULTS, "run"), (TEST_RESULTS, "test"), (MANIFEST, "manifest")):
        store.put(RUN, artifact, (target / f"{name}.json").read_bytes())
    for report in LOADS:
        write_report(store, RUN, report)
    write_validation(store, VALIDATION)
    reads = [
        Read(
            at=now, user="ann", by="query", tables=[REVENUE], statement=ASKED, columns=["revenue"]
        ),
        Read(at=now, user="dagster", by="dbt_test", tables=[REVENUE], count=3),
    ]
    ActivityLog(store.url).append(reads)


@pytest.fixture
def stack(built_stack: Path, stack_home: Path) -> Path:
    """A copy of the built stack as this test's STACK_HOME."""
    shutil.copytree(built_stack, stack_home)
    return stack_home


@pytest.fixture
def store(stack_home: Path) -> ArtifactStore:
    """The artifacts of this test's stack."""
    return ArtifactStore(load_settings(StackSettings).artifacts)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of this test."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dataclass(frozen=True)
class Catalog:
    """A stack's metadata file."""

    home: Path

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.home / "catalog" / "metadata.json"

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The proposals in it."""
        content: list[dict[str, Any]] = json.loads(self.file.read_text())
        return content

    @cached_property
    def aspects(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The aspects in it, by URN and name."""
        return {(r["entityUrn"], r["aspectName"]): r["aspect"]["json"] for r in self.records}


@dataclass(frozen=True)
class Run:
    """A materialisation of the catalog asset: its metadata, its check, and what it wrote."""

    metadata: dict[str, Any]
    check: dg.AssetCheckEvaluation
    catalog: Catalog


def nothing_holds(home: Path) -> None:
    """Have the next run make the catalog, though it may say nothing new."""
    (home / "artifacts" / "latest" / CLAIMS).unlink(missing_ok=True)


def run_catalog(
    home: Path,
    instance: dg.DagsterInstance | None = None,
    *,
    lets_hold: bool = False,
    **options: bool,
) -> Run:
    """Materialise the asset in this process."""
    if not lets_hold:
        nothing_holds(home)
    config = options_config(**options)
    result = dg.materialize([datahub_metadata_ingestion], instance=instance, run_config=config)
    [event] = result.asset_materializations_for_node("datahub_metadata_ingestion")
    [check] = result.get_asset_check_evaluations()
    return Run({k: v.value for k, v in event.metadata.items()}, check, Catalog(home))


@pytest.fixture(scope="session")
def catalogued(built_stack: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the catalog over the built stack, for tests that only look at what it wrote."""
    home = tmp_path_factory.mktemp("catalogued") / "stack"
    shutil.copytree(built_stack, home)
    with only_home(home):
        return run_catalog(home)


@pytest.fixture
def written_before(catalogued: Run, stack_home: Path) -> Run:
    """That run, in a copy of its stack as this test's STACK_HOME."""
    shutil.copytree(catalogued.catalog.home, stack_home)
    return replace(catalogued, catalog=Catalog(stack_home))


TIMES = (
    "duration_s",
    "timestampMillis",
    "lastUpdatedTimestamp",
    "systemMetadata",
    "auditStamp",
    "time",
    "catalog_digest",  # it has all the others in it
)


def without_times(value):
    """The value without what tells one run from another."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value

"""A dlt destination over the stack's own connection, for a DuckDB file and for a DuckLake.

dlt's `duckdb` destination accepts a connection, but names tables `schema.table`, which only finds
the default database. Naming them `database.schema.table` makes it work on an attached DuckLake too:
one destination, one way to open the warehouse, no extension for dlt to download. `pipeline` imports
this inside functions: dlt takes 0.5 s to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import FollowupJobRequest, LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.normalizers.naming import NamingConvention
from dlt.common.schema import Schema
from dlt.common.schema.typing import TSchemaTables, TTableSchema, TTableSchemaColumns
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from ingestion.loading.files import LOAD_ID, NEWEST_BY, ROW_ID
from ingestion.loading.widening import widen_sql
from stack.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class WarehouseMergeJob(SqlMergeFollowupJob):
    """One `merge into` a table, from staged rows with one row per key.

    dlt's own strategies pass over the table two or three times, overwrite newer versions of a row
    with older ones, and rewrite rows that didn't change.
    """

    @classmethod
    def generate_sql(
        cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any]
    ) -> list[str]:
        """The statements of the job, which dlt runs in one transaction."""
        table = cast("TTableSchema", table_chain[0])
        name = sql_client.escape_column_name
        target, staged = sql_client.get_qualified_table_names(str(table["name"]))
        keys = [name(key) for key in get_columns_names_with_prop(table, "primary_key")]
        columns = [name(column) for column in get_columns_names_with_prop(table, "name")]
        if ROW_ID in table["columns"]:
            # For rows created by dlt: a page may repeat a row of the previous one. The last wins.
            newest = f"{name(NEWEST_BY)} desc nulls last, " if NEWEST_BY in table["columns"] else ""
            staged = (
                f"(select * from {staged} qualify row_number() over "
                f"(partition by {', '.join(keys)} order by {newest}rowid desc) = 1)"
            )
        kept = {*keys, name(ROW_ID), name(LOAD_ID)}  # not part of a row's content
        same_key = " and ".join(f"t.{key} = s.{key}" for key in keys)
        differs = " or ".join(f"s.{c} is distinct from t.{c}" for c in columns if c not in kept)
        older = f"s.{name(NEWEST_BY)} < t.{name(NEWEST_BY)}"
        update = [differs, f"({older}) is not true"] if NEWEST_BY in table["columns"] else [differs]
        matched = (
            f"when matched and ({') and ('.join(update)}) "
            f"then update set {', '.join(f'{c} = s.{c}' for c in columns if c not in keys)} "
            if differs
            else ""
        )
        return [
            f"merge into {target} as t using {staged} as s on {same_key} {matched}"
            f"when not matched then insert ({', '.join(columns)}) "
            f"values ({', '.join(f's.{c}' for c in columns)})"
        ]


class WarehouseCopyJob(DuckDbCopyJob):
    """Imports a Parquet file; dlt's own doesn't quote the path in its SQL."""

    def run(self) -> None:
        """Insert the file's rows into its table."""
        client = self._job_client.sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        client.execute_sql(
            f"insert into {table} by name select * from "
            f"read_parquet({literal(self._file_path)}, union_by_name = true)"
        )


class WarehouseSqlClient(DuckDbSqlClient):
    """Names tables with their database."""

    database: str

    def catalog_name(self, quote: bool = True, casefold: bool = True) -> str:  # noqa: ARG002
        """The warehouse's database, whatever the connection's default is."""
        return self.capabilities.escape_identifier(self.database) if quote else self.database


class WarehouseClient(DuckDbClient):
    """Runs load jobs on the warehouse."""

    database: str
    widened: Mapping[str, Mapping[str, str]]
    rebuild: bool

    def __init__(
        self,
        schema: Schema,
        config: DuckDbClientConfiguration,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        client = WarehouseSqlClient(*names, config.credentials, capabilities)
        client.database = self.database
        self.sql_client = client

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        """As dlt's, but for Parquet."""
        if file_path.endswith(".parquet"):
            return WarehouseCopyJob(file_path)
        return super().create_load_job(table, file_path, load_id, restore)

    def _build_schema_update_sql(
        self, storage_tables: Iterable[tuple[str, TTableSchemaColumns]]
    ) -> tuple[list[str], TSchemaTables]:
        """As dlt's, which adds columns, plus changes of types, in one transaction."""
        tables = list(storage_tables)
        statements, update = super()._build_schema_update_sql(tables)
        first: list[str] = []
        for name, present in tables:
            columns = {c: t for c, t in self.widened.get(name, {}).items() if c in present}
            if columns:
                qualified = self.sql_client.make_qualified_table_name(name)
                first += widen_sql(qualified, columns, rebuild=self.rebuild)
        return [*first, *statements], update

    def _create_merge_followup_jobs(
        self, table_chain: Sequence[PreparedTableSchema]
    ) -> list[FollowupJobRequest]:
        return [WarehouseMergeJob.from_table_chain(table_chain, self.sql_client)]


class WarehouseDestination(duckdb_destination):
    """The warehouse on an open connection, which the caller closes."""

    def __init__(
        self, connection: DuckDBPyConnection, database: str, *, is_lake: bool = False
    ) -> None:
        super().__init__(
            credentials=connection,
            destination_name="warehouse",
            # dlt's default empties the table first: a load killed then would leave it empty.
            replace_strategy="insert-from-staging",
        )
        self._database, self._is_lake = database, is_lake
        self.widened: dict[str, dict[str, str]] = {}
        self._resolved: dict[tuple[object, ...], DuckDbClientConfiguration] = {}

    def configuration(
        self, initial_config: DuckDbClientConfiguration, accept_partial: bool = False
    ) -> DuckDbClientConfiguration:
        """The configuration of a dataset, resolved once: dlt asks for it twenty times per load."""
        key = (initial_config.dataset_name, initial_config.default_schema_name, accept_partial)
        if key not in self._resolved:
            self._resolved[key] = super().configuration(initial_config, accept_partial)
        return self._resolved[key]

    def capabilities(
        self,
        config: DuckDbClientConfiguration | None = None,
        naming: NamingConvention | None = None,
    ) -> DestinationCapabilitiesContext:
        """What the warehouse can do, which doesn't depend on the configuration.

        dlt asks some forty times per load, and would resolve the whole configuration each time,
        which takes half the time of a small load.
        """
        return self.adjust_capabilities(
            self._raw_capabilities(), config or DuckDbClientConfiguration(), naming
        )

    @property
    def client_class(self) -> type[DuckDbClient]:
        """A client class that knows the database, and which columns change their type."""
        facts = {"database": self._database, "widened": self.widened, "rebuild": self._is_lake}
        return type("WarehouseClient", (WarehouseClient,), facts)

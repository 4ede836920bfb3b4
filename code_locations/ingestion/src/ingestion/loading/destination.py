"""A dlt destination over the stack's own connection, for a DuckDB file and for a DuckLake.

dlt's `duckdb` destination takes a connection, but names tables as `schema.table` and so
finds only its default database. Naming them `database.schema.table` makes it work on an
attached DuckLake too: one destination, one way to open the warehouse, no extension that
dlt would download. Imported by `pipeline` inside functions: dlt takes 0.5 s to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import FollowupJobRequest
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.schema import Schema
from dlt.common.schema.typing import TTableSchema
from dlt.common.schema.utils import get_columns_names_with_prop, get_dedup_sort_tuple
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.factory import duckdb as duckdb_destination
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class WarehouseMergeJob(SqlMergeFollowupJob):
    """dlt's delete-insert, that doesn't put an older version of a row over a newer one."""

    @classmethod
    def _gen_table_setup_clauses(
        cls, table_chain: Sequence[PreparedTableSchema], sql_client: SqlClientBase[Any]
    ) -> list[str]:
        table = cast("TTableSchema", table_chain[0])
        newest = get_dedup_sort_tuple(table)
        if newest is None:
            return []
        escape = sql_client.escape_column_name
        target, staged = sql_client.get_qualified_table_names(str(table["name"]))
        keys = get_columns_names_with_prop(table, "primary_key")
        same = " and ".join(f"t.{escape(key)} = s.{escape(key)}" for key in keys)
        version = escape(newest[0])
        return [
            f"delete from {staged} as s using {target} as t "
            f"where {same} and s.{version} < t.{version}"
        ]


class WarehouseSqlClient(DuckDbSqlClient):
    """Names tables with their database."""

    database: str

    def catalog_name(self, quote: bool = True, casefold: bool = True) -> str:  # noqa: ARG002
        """The warehouse's database, whatever the connection's default is."""
        return self.capabilities.escape_identifier(self.database) if quote else self.database


class WarehouseClient(DuckDbClient):
    """Runs load jobs on the warehouse."""

    database: str

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

    def _create_merge_followup_jobs(
        self, table_chain: Sequence[PreparedTableSchema]
    ) -> list[FollowupJobRequest]:
        return [WarehouseMergeJob.from_table_chain(table_chain, self.sql_client)]


class WarehouseDestination(duckdb_destination):
    """The warehouse on an open connection, which the caller closes."""

    def __init__(self, connection: DuckDBPyConnection, database: str) -> None:
        super().__init__(
            credentials=connection,
            destination_name="warehouse",
            # dlt's default empties the table first: a load killed then would leave it empty.
            replace_strategy="insert-from-staging",
        )
        self._database = database

    @property
    def client_class(self) -> type[DuckDbClient]:
        """A client class that knows the database's name."""
        return type("WarehouseClient", (WarehouseClient,), {"database": self._database})

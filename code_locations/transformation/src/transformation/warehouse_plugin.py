"""dbt-duckdb plugin that connects dbt to the warehouse as the rest of the stack connects.

dbt opens an in-memory DuckDB; this attaches the DuckDB file or the DuckLake to it, with our limits
and packaged extensions. The profile's own `attach` then finds its alias taken: it is only there
because dbt-duckdb requires the database to be one that it attaches itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from stack.settings import WarehouseSettings, load_settings
from stack.warehouse.connection import attach_warehouse, duckdb_config

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Plugin(BasePlugin):
    """dbt-duckdb finds it by this name, from `plugins` in profiles.yml."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:  # noqa: ARG002
        """Read the settings. Raises ValueError if the profile names another database."""
        self._settings = load_settings(WarehouseSettings)
        profile = self.creds.database if self.creds else None
        if profile != self._settings.database:
            raise ValueError(
                f"profiles.yml names the database {profile!r} and the stack's settings "
                f"{self._settings.database!r}: run dbt by `make dbt`, which sets "
                "WAREHOUSE_DATABASE for the profile"
            )

    def update_connection_config(
        self,
        creds: DuckDBCredentials,  # noqa: ARG002
        config: dict[str, Any],
    ) -> None:
        """Set memory, threads and the scratch folder of the in-memory DuckDB."""
        config.update(duckdb_config(self._settings))

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Attach the warehouse."""
        attach_warehouse(conn, self._settings)

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Use UTC wherever dbt runs; a cursor doesn't inherit the setting."""
        cursor.execute("set TimeZone = 'UTC'")

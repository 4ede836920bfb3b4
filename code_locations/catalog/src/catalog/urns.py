"""Names of everything in the catalog: URNs, which never depend on a run or the time.

Forms: https://docs.datahub.com/docs/what/urn
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datahub.emitter.mcp_builder import DatabaseKey, SchemaKey

WAREHOUSE_PLATFORM = "duckdb"
DBT_PLATFORM = "dbt"
GX_PLATFORM = "great-expectations"
ORCHESTRATOR = "dagster"

# DataHub's fabric for each DAGSTER_ENV, so that a laptop's tables don't pass for production's.
FABRICS = {"dev": "DEV", "test": "TEST", "prod": "PROD"}


@dataclass(frozen=True)
class Naming:
    """Turns the stack's names into URNs.

    `fabric` is DataHub's environment (DEV, TEST, PROD); `instance` tells this warehouse from others
    in the same DataHub; `database` is the first part of `database.schema.table`.
    """

    database: str
    fabric: str = "DEV"
    instance: str | None = None

    def dataset(self, platform: str, name: str) -> str:
        """A dataset of any platform."""
        from datahub.emitter.mce_builder import make_dataset_urn_with_platform_instance

        return make_dataset_urn_with_platform_instance(
            platform=platform, name=name, platform_instance=self.instance, env=self.fabric
        )

    def qualified_name(self, schema: str, table: str) -> str:
        """`database.schema.table`."""
        return f"{self.database}.{schema}.{table}"

    def table(self, schema: str, table: str) -> str:
        """A table or view of the warehouse."""
        return self.dataset(WAREHOUSE_PLATFORM, self.qualified_name(schema, table))

    def dbt_node(self, schema: str, table: str) -> str:
        """The dbt model or source behind a table: its sibling in the catalog."""
        return self.dataset(DBT_PLATFORM, self.qualified_name(schema, table))

    def database_key(self) -> DatabaseKey:
        """Key of the container for the warehouse.

        DataHub leaves `env` out of a container's guid, so that two fabrics would share one;
        `backcompat_env_as_instance` adds it if there is no instance.
        """
        from datahub.emitter.mcp_builder import DatabaseKey

        return DatabaseKey(
            platform=WAREHOUSE_PLATFORM,
            instance=self.instance,
            env=self.fabric,
            database=self.database,
            backcompat_env_as_instance=True,
        )

    def schema_key(self, schema: str) -> SchemaKey:
        """Key of the container for a schema."""
        from datahub.emitter.mcp_builder import SchemaKey

        return SchemaKey(
            platform=WAREHOUSE_PLATFORM,
            instance=self.instance,
            env=self.fabric,
            database=self.database,
            schema=schema,
            backcompat_env_as_instance=True,
        )

    def flow(self, pipeline: str) -> str:
        """A Dagster job."""
        from datahub.emitter.mce_builder import make_data_flow_urn

        return make_data_flow_urn(ORCHESTRATOR, pipeline, self.fabric, self.instance)

    def job(self, pipeline: str, asset: str) -> str:
        """A step of a Dagster job: one of the six assets."""
        from datahub.emitter.mce_builder import make_data_job_urn

        return make_data_job_urn(ORCHESTRATOR, pipeline, asset, self.fabric, self.instance)

    def expectation(self, dataset: str, check_name: str) -> str:
        """A Great Expectations expectation; it keeps its history when its limits change."""
        from datahub.emitter.mce_builder import datahub_guid, make_assertion_urn

        identity = {"platform": GX_PLATFORM, "dataset": dataset, "check": check_name}
        return make_assertion_urn(datahub_guid(identity))

    def query(self, statement: str) -> str:
        """A query on the warehouse, identified by what it asks."""
        from datahub.emitter.mce_builder import datahub_guid
        from datahub.metadata.urns import QueryUrn

        identity = {"database": self.database, "env": self.fabric, "instance": self.instance or ""}
        return QueryUrn(datahub_guid({**identity, "statement": statement})).urn()

    def incident(self, assertion: str, since_millis: int) -> str:
        """An incident: an assertion that has failed since a moment, in milliseconds since 1970."""
        from datahub.emitter.mce_builder import datahub_guid
        from datahub.metadata.urns import IncidentUrn

        identity = {"assertion": assertion, "since": str(since_millis)}
        return IncidentUrn(datahub_guid(identity)).urn()


def owner(name: str) -> str:
    """`team:books` is a group; anything else (a mail address, a login) is a user."""
    from datahub.emitter.mce_builder import make_group_urn, make_user_urn

    kind, _, rest = name.partition(":")
    return make_group_urn(rest) if kind == "team" and rest else make_user_urn(name)

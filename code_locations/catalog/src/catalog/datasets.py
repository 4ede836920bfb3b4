"""Proposals for the warehouse itself: containers, tables, schemas, owners, profiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.field_types import data_type, fields_of
from catalog.profiles import FieldProfile, Profile
from catalog.tables import TAG_PREFIX, CatalogTable
from catalog.urns import WAREHOUSE_PLATFORM, Naming, owner

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal


def container_proposals(naming: Naming, tables: Iterable[CatalogTable]) -> Iterator[Proposal]:
    """The platform, the database and each schema that has a table."""
    from datahub.emitter.mce_builder import make_data_platform_urn
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.emitter.mcp_builder import gen_containers
    from datahub.metadata.schema_classes import DataPlatformInfoClass, PlatformTypeClass

    yield MetadataChangeProposalWrapper(
        entityUrn=make_data_platform_urn(WAREHOUSE_PLATFORM),
        aspect=DataPlatformInfoClass(
            name=WAREHOUSE_PLATFORM,
            displayName="DuckDB",
            type=PlatformTypeClass.RELATIONAL_DB,
            datasetNameDelimiter=".",
        ),
    )
    database = naming.database_key()
    units = [*gen_containers(database, naming.database, ["Database"])]
    for schema in dict.fromkeys(table.facts.schema for table in tables):
        units += gen_containers(
            naming.schema_key(schema), schema, ["Schema"], parent_container_key=database
        )
    for unit in units:
        if isinstance(unit.metadata, MetadataChangeProposalWrapper):
            yield unit.metadata
    yield _browse_path(database.as_urn(), [])
    for schema in dict.fromkeys(table.facts.schema for table in tables):
        yield _browse_path(naming.schema_key(schema).as_urn(), [database.as_urn()])


def owner_proposals(names: Iterable[str]) -> Iterator[Proposal]:
    """The groups that own things, so that they can be found.

    Only that they exist: membership is for the directory to say.
    """
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import StatusClass

    for urn in sorted({owner(name) for name in names}):
        if urn.startswith("urn:li:corpGroup:"):
            yield MetadataChangeProposalWrapper(entityUrn=urn, aspect=StatusClass(removed=False))


@dataclass(frozen=True)
class DatasetProposals:
    """Builds the proposals of each table; `profiles` are by `schema.table`."""

    naming: Naming
    profiles: Mapping[str, Profile]

    def of(self, table: CatalogTable) -> list[Proposal]:
        """All aspects of a table's dataset except its lineage."""
        from datahub.emitter.mcp import MetadataChangeProposalWrapper
        from datahub.metadata import schema_classes as s

        urn = self.naming.table(*table.facts.key)
        schema = self.naming.schema_key(table.facts.schema)
        aspects: list[Any] = [
            s.StatusClass(removed=False),
            platform_instance(WAREHOUSE_PLATFORM, self.naming.instance),
            s.ContainerClass(container=schema.as_urn()),
            s.SubTypesClass(typeNames=[table.facts.kind.capitalize()]),
            self._properties(table),
            self._schema(table),
            ownership(table.owners),
            *self._tags(table),
            *self._siblings(table),
            *self._view(table),
            *self._profile(table),
        ]
        proposals = [MetadataChangeProposalWrapper(entityUrn=urn, aspect=a) for a in aspects]
        proposals.append(_browse_path(urn, [self.naming.database_key().as_urn(), schema.as_urn()]))
        return proposals

    def _properties(self, table: CatalogTable) -> Any:
        from datahub.metadata.schema_classes import DatasetPropertiesClass

        known = {
            "layer": table.layer,
            "source": table.raw.source if table.raw else None,
            "event_date": table.raw.event_date if table.raw else None,
            "dbt_unique_id": table.dbt.node.unique_id if table.dbt else None,
            "dbt_materialized": table.dbt.node.config.materialized if table.dbt else None,
        }
        return DatasetPropertiesClass(
            name=table.facts.name,
            qualifiedName=self.naming.qualified_name(*table.facts.key),
            description=table.description or None,
            customProperties={k: v for k, v in known.items() if v},
        )

    def _schema(self, table: CatalogTable) -> Any:
        from datahub.emitter.mce_builder import make_data_platform_urn
        from datahub.metadata import schema_classes as s

        fields = []
        for column in table.facts.columns:
            outer, *inner = fields_of(column.name, column.type)
            fields.append(
                s.SchemaFieldClass(
                    fieldPath=outer.path,
                    nativeDataType=outer.native_type,
                    type=data_type(outer.kind),
                    nullable=not table.never_null(column.name),
                    description=table.column_description(column.name) or None,
                    isPartOfKey=column.name in table.primary_key,
                    recursive=False,
                )
            )
            fields += [
                s.SchemaFieldClass(
                    fieldPath=field.path,
                    nativeDataType=field.native_type,
                    type=data_type(field.kind),
                    nullable=True,
                    recursive=False,
                )
                for field in inner
            ]
        return s.SchemaMetadataClass(
            schemaName=self.naming.qualified_name(*table.facts.key),
            platform=make_data_platform_urn(WAREHOUSE_PLATFORM),
            version=0,
            hash="",
            platformSchema=s.OtherSchemaClass(rawSchema=""),
            fields=fields,
            primaryKeys=list(table.primary_key) or None,
        )

    def _tags(self, table: CatalogTable) -> list[Any]:
        from datahub.emitter.mce_builder import make_global_tag_aspect_with_tag_list

        tags = sorted({f"{TAG_PREFIX}{tag}" for tag in table.dbt.node.tags}) if table.dbt else []
        return [make_global_tag_aspect_with_tag_list(tags)] if tags else []

    def _siblings(self, table: CatalogTable) -> list[Any]:
        from datahub.metadata.schema_classes import SiblingsClass

        if not table.dbt:
            return []
        return [SiblingsClass(siblings=[self.naming.dbt_node(*table.facts.key)], primary=False)]

    def _view(self, table: CatalogTable) -> list[Any]:
        from datahub.metadata.schema_classes import ViewPropertiesClass

        if not table.facts.definition:
            return []
        return [
            ViewPropertiesClass(
                materialized=False, viewLogic=table.facts.definition, viewLanguage="SQL"
            )
        ]

    def _profile(self, table: CatalogTable) -> list[Any]:
        """A sampled table has two: the row count of the whole, and the fields of the sample."""
        from datahub.metadata import schema_classes as s

        profile = self.profiles.get(".".join(table.facts.key))
        if profile is None:
            return []
        fields = [_field_profile(f, profile) for f in profile.fields] or None
        millis = int(profile.at.timestamp() * 1000)
        whole = s.DatasetProfileClass(
            timestampMillis=millis,
            rowCount=profile.rows,
            columnCount=len(table.facts.columns),
            fieldProfiles=fields if profile.sampled is None else None,
            # The UI shows only profiles of this partition as the table's own.
            partitionSpec=s.PartitionSpecClass(
                partition="FULL_TABLE_SNAPSHOT", type=s.PartitionTypeClass.FULL_TABLE
            ),
        )
        if profile.sampled is None or fields is None:
            return [whole]
        # As DataHub's own profilers mark it.
        sample = s.DatasetProfileClass(
            timestampMillis=millis,
            rowCount=profile.sampled,
            columnCount=len(table.facts.columns),
            fieldProfiles=fields,
            partitionSpec=s.PartitionSpecClass(partition="SAMPLE", type=s.PartitionTypeClass.QUERY),
        )
        return [whole, sample]


def _field_profile(field: FieldProfile, profile: Profile) -> Any:
    from datahub.metadata.schema_classes import DatasetFieldProfileClass

    there = profile.read - field.nulls
    known = field.distinct is not None and there
    return DatasetFieldProfileClass(
        fieldPath=field.name,
        nullCount=field.nulls,
        nullProportion=field.nulls / profile.read if profile.read else 0.0,
        uniqueCount=field.distinct,
        uniqueProportion=(field.distinct or 0) / there if known else None,
        min=field.lowest,
        max=field.highest,
    )


def platform_instance(platform: str, instance: str | None) -> Any:
    """An entity's platform, and which instance of it if several share a DataHub."""
    from datahub.emitter.mce_builder import (
        make_data_platform_urn,
        make_dataplatform_instance_urn,
    )
    from datahub.metadata.schema_classes import DataPlatformInstanceClass

    return DataPlatformInstanceClass(
        platform=make_data_platform_urn(platform),
        instance=make_dataplatform_instance_urn(platform, instance) if instance else None,
    )


def ownership(names: Iterable[str]) -> Any:
    """An ownership aspect: technical owners in the order given."""
    from datahub.metadata.schema_classes import (
        OwnerClass,
        OwnershipClass,
        OwnershipTypeClass,
    )

    return OwnershipClass(
        owners=[
            OwnerClass(owner=owner(name), type=OwnershipTypeClass.TECHNICAL_OWNER)
            for name in dict.fromkeys(names)
        ]
    )


def _browse_path(urn: str, above: list[str]) -> Proposal:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import BrowsePathEntryClass, BrowsePathsV2Class

    return MetadataChangeProposalWrapper(
        entityUrn=urn,
        aspect=BrowsePathsV2Class(path=[BrowsePathEntryClass(id=u, urn=u) for u in above]),
    )

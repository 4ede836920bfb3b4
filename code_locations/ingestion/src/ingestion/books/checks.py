"""Checks of `dlt_ingestion_pipeline`: all was loaded, and no raw table has a key twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from ingestion.books.report import SOURCE
from ingestion.books.source import quarantined_files
from ingestion.sources.assets import (
    configured_sources,
    failed_last_time,
    source_check_specs,
    sources_loaded,
)
from ingestion.table_view import markdown_table
from stack.raw import RawTable, raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables
from stack.warehouse.pool import WAREHOUSE_POOL

ASSET = dg.AssetKey("dlt_ingestion_pipeline")
ALL_FILES_READABLE = "all_files_readable"
PRIMARY_KEY_UNIQUE = "primary_key_unique"


def check_specs() -> list[dg.AssetCheckSpec]:
    """All checks of the books."""
    return [
        dg.AssetCheckSpec(
            ALL_FILES_READABLE, asset=ASSET, description="No export is left out of the raw tables."
        ),
        *(
            dg.AssetCheckSpec(
                PRIMARY_KEY_UNIQUE,
                asset=dg.AssetKey(table.asset_path),
                description=f"No two rows have the same {', '.join(table.primary_key)}.",
            )
            for table in raw_tables(SOURCE)
        ),
        *source_check_specs(ASSET),
    ]


def files_readable(quarantined: Mapping[str, str]) -> dg.AssetCheckResult:
    """Result of `all_files_readable`; `quarantined` is the reason by path."""
    rows = list(quarantined.items())
    return dg.AssetCheckResult(
        asset_key=ASSET,
        check_name=ALL_FILES_READABLE,
        passed=not quarantined,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{path}: {reason}" for path, reason in rows)[:1000] or None,
        metadata={
            "quarantined": len(rows),
            "files": dg.MetadataValue.md(
                "\n".join(f"- `{path}`: {reason}" for path, reason in rows) or "none"
            ),
        },
    )


def keys_unique(tables: Iterable[RawTable]) -> Iterator[dg.AssetCheckResult]:
    """Results of `primary_key_unique` on the warehouse as it is."""
    settings = load_settings(WarehouseSettings)
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables(SOURCE))
        for table in tables:
            key = ", ".join(f'"{name}"' for name in table.primary_key)
            query = (
                f"select {key}, count(*) as occurrences "
                f'from "{settings.dlt_dataset_name}"."{table.table_name}" '
                "group by all having count(*) > 1 order by all limit 20"
            )
            twice = connection.execute(query).fetchall()
            names = (*table.primary_key, "occurrences")
            yield dg.AssetCheckResult(
                asset_key=dg.AssetKey(table.asset_path),
                check_name=PRIMARY_KEY_UNIQUE,
                passed=not twice,
                metadata={
                    "query": dg.MetadataValue.md(f"```sql\n{query}\n```"),
                    **(
                        {"keys": dg.MetadataValue.md(markdown_table(names, twice))} if twice else {}
                    ),
                },
            )


def evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """The same result in the form that the asset's own run logs."""
    if result.asset_key is None or result.check_name is None:
        raise ValueError("a check result without asset and name can't be logged")
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )


@dg.multi_asset_check(name="books_checks", specs=check_specs(), pool=WAREHOUSE_POOL)
def books_checks() -> Iterator[dg.AssetCheckResult]:
    """Checks the books as they are in the warehouse, without loading anything."""
    yield files_readable(quarantined_files())
    yield from keys_unique(raw_tables(SOURCE))
    if configured_sources():
        yield sources_loaded(ASSET, failed_last_time())

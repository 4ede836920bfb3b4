"""Whether anything is modelled from the tables of arrived files."""

from __future__ import annotations

from collections.abc import Collection

from ingestion.incoming.arrivals import SOURCE
from stack.artifacts import ArtifactStore
from stack.settings import StackSettings, WarehouseSettings, load_settings


def used_by_models(tables: Collection[str]) -> bool:
    """Whether a dbt model selects from one of these tables, by the last run's manifest.

    True as long as dbt left no manifest. Format: `sources` and `child_map` of
    https://schemas.getdbt.com/dbt/manifest/v12.json.
    """
    manifest = ArtifactStore(load_settings(StackSettings).artifacts).get_json("dbt/manifest.json")
    if manifest is None:
        return True
    schema = load_settings(WarehouseSettings).dlt_dataset_name
    names = {f"{SOURCE}_{table}" for table in tables}
    children = manifest["child_map"]
    return any(
        child.startswith("model.")
        for source_id, source in manifest["sources"].items()
        if source["schema"] == schema and source["identifier"] in names
        for child in children.get(source_id, ())
    )

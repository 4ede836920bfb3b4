"""Whether anything is modelled from the tables of arrived files."""

from __future__ import annotations

import logging
from collections.abc import Collection

from ingestion.incoming.arrivals import SOURCE
from stack.artifacts import ArtifactStore
from stack.settings import StackSettings, WarehouseSettings, load_settings

_log = logging.getLogger(__name__)


def used_by_models(tables: Collection[str]) -> bool:
    """Whether a dbt model selects from one of these tables, by the last run's manifest.

    True as long as dbt left no manifest that can be read. Format: `sources` and `child_map` of
    https://schemas.getdbt.com/dbt/manifest/v12.json.
    """
    names = {f"{SOURCE}_{table}" for table in tables}
    try:
        schema = load_settings(WarehouseSettings).dlt_dataset_name
        store = ArtifactStore(load_settings(StackSettings).artifacts)
        manifest = store.get_json("dbt/manifest.json")
        return manifest is None or any(
            child.startswith("model.")
            for source_id, source in manifest["sources"].items()
            if source["schema"] == schema and source["identifier"] in names
            for child in manifest["child_map"].get(source_id, ())
        )
    except Exception as error:  # unreadable, a wrong setting, or whatever a driver raises
        _log.warning(f"dbt/manifest.json can't be read, so a model may use the files: {error}")
        return True

"""Whether anything is modelled from the tables of arrived files."""

from __future__ import annotations

import logging
from collections.abc import Collection

from ingestion.incoming.inbox import SOURCE, Inbox
from ingestion.layouts.recognition import peek
from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import read_manifest
from stack.settings import StackSettings, WarehouseSettings, load_settings

_log = logging.getLogger(__name__)


_HEAD_BYTES = 1 << 16
# Packed files aren't opened to look for a header.
_PACKED = (".gz", ".zip", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def may_feed(inbox: Inbox, paths: Collection[str]) -> bool:
    """Whether a file is modelled, or has or may have a layout that feeds the books."""
    for path in paths:
        if path.lower().endswith(_PACKED):
            return True
        try:
            with inbox.fs.open(f"{inbox.root}/{path}", "rb") as stream:
                layout = peek(stream.read(_HEAD_BYTES))
        except OSError:
            continue  # its run will say why
        if layout is not None and (layout.feeds or used_by_models({layout.name})):
            return True
    return False


def used_by_models(tables: Collection[str]) -> bool:
    """Whether a dbt model selects from any of these tables, by the last run's manifest.

    True if there is no readable manifest yet.
    """
    try:
        schema = load_settings(WarehouseSettings).dlt_dataset_name
        manifest = read_manifest(ArtifactStore(load_settings(StackSettings).artifacts))
        names = {f"{SOURCE}_{table}" for table in tables}
        return manifest is None or bool(manifest.models_using(names, schema))
    except Exception as error:  # unreadable, a wrong setting, or whatever a driver raises
        _log.warning(f"dbt's manifest can't be read, so a model may use the files: {error}")
        return True

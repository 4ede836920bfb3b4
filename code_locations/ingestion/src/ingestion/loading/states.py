"""The states that loads committed, read without dlt: a night with nothing new doesn't import it."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from stack.settings import WarehouseSettings
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# dlt's version of what is in its state table; another one is dlt's to read.
KNOWN_ENGINE = 4
# dlt begins a text with one of these where it stands for a date, a decimal and the like.
_TYPED = re.compile(r"[\ue000-\uf8ff]|\\u[ef]", re.IGNORECASE)


class NeedsDltError(Exception):
    """Only dlt can read this state."""


def committed_states(
    connection: DuckDBPyConnection, warehouse: WarehouseSettings, pipeline: str, source: str
) -> dict[str, Any]:
    """The source's states as of the pipeline's last completed load; empty before the first.

    Raises NeedsDltError for a state of another version of dlt, or with typed values.
    """
    import duckdb

    schema = f"{identifier(warehouse.database)}.{identifier(warehouse.dlt_dataset_name)}"
    try:
        found = connection.execute(
            f"select s.engine_version, s.state from {schema}._dlt_pipeline_state as s "
            f"inner join {schema}._dlt_loads as l on s._dlt_load_id = l.load_id "
            # Not bound: for that, DuckDB would import pandas.
            f"where s.pipeline_name = {literal(pipeline)} and l.status = 0 "
            "order by l.load_id desc limit 1"
        ).fetchone()
    except duckdb.CatalogException:
        return {}
    if found is None:
        return {}
    engine, packed = found
    if engine != KNOWN_ENGINE:
        raise NeedsDltError(f"state of engine version {engine}")
    try:
        text = zlib.decompress(base64.b64decode(packed, validate=True)).decode()
    except (binascii.Error, zlib.error) as error:
        raise NeedsDltError("state that isn't packed") from error
    if _TYPED.search(text):
        raise NeedsDltError("state with typed values")
    state: dict[str, Any] = json.loads(text)
    return dict(state.get("sources", {}).get(source, {}))

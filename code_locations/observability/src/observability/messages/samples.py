"""Failing rows of a check, from its last evaluation in the instance."""

from __future__ import annotations

import dagster as dg

from observability.incidents.model import Finding, Kind

SAMPLE = "sample"
CHARACTERS = 1500


def sample_of(instance: dg.DagsterInstance, finding: Finding) -> str:
    """Some of the rows; empty if the check kept none."""
    if finding.kind is not Kind.CHECK:
        return ""
    key = dg.AssetCheckKey(dg.AssetKey(finding.asset), finding.check)
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
    event = found[key].event if key in found else None
    dagster_event = event.dagster_event if event else None
    if dagster_event is None:
        return ""
    metadata = dagster_event.asset_check_evaluation_data.metadata
    return str(metadata[SAMPLE].value)[:CHARACTERS] if SAMPLE in metadata else ""

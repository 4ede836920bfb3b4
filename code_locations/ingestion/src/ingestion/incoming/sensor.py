"""The sensor that starts the processing of arrived files."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dagster as dg

from ingestion.files.listing import Export
from ingestion.incoming.downstream import may_feed, used_by_models
from ingestion.incoming.inbox import Inbox, table_of
from ingestion.incoming.loader import FilesLoader
from ingestion.incoming.runs import held_tables
from ingestion.incoming.waiting import Cursor, batch_id, batches
from ingestion.settings import IncomingSettings
from stack.continuation import LOAD_ONLY_TAG
from stack.pipelines import FILES
from stack.sensors import in_production, pipeline_sensor
from stack.settings import load_settings

INTERVAL_S = 30
BATCH_TAG = "files/batch"
COUNT_TAG = "files/count"


def arrival_sensor(running: bool, interval_s: int = INTERVAL_S) -> dg.SensorDefinition:
    """The sensor; `running`: it is on by default."""
    return pipeline_sensor(
        FILES,
        evaluate,
        running=running,
        name="file_arrival_sensor",
        minimum_interval_seconds=interval_s,
        description="Starts a run for each batch of files that arrived at INCOMING_URL.",
    )


def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Run requests for the complete files, or the reason why there are none."""
    settings = load_settings(IncomingSettings)
    try:
        found = Inbox.open(settings).files()
    except Exception as error:  # whatever a file system's driver raises
        return dg.SensorResult(
            skip_reason=f"{settings.incoming} can't be listed: {type(error).__name__}: {error}",
            cursor=context.cursor,
        )
    return hand_out(settings, found, context.instance, context.cursor, time.time())


def hand_out(
    settings: IncomingSettings,
    found: Sequence[Export],
    instance: dg.DagsterInstance,
    cursor: str | None,
    now: float,
) -> dg.SensorResult:
    """Runs for batches of the complete files among those found `now` (seconds since the epoch)."""
    before = Cursor.load(cursor, Cursor(source=settings.incoming))
    after = before.look(found, now)
    ready = after.complete(before, now, settings.incoming_settle_seconds)
    held = held_tables(instance)
    size, most = settings.incoming_files_a_run, settings.incoming_runs_a_tick
    chosen = [] if held is None else batches(ready, held, size=size, most=most)
    inbox = Inbox.open(settings)
    requests = [request(instance, batch, after, inbox) for batch in chosen]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _nothing(settings.incoming, len(found), len(ready)),
        cursor=after.hand_out([path for batch in chosen for path in batch], now).dump(),
    )


def request(
    instance: dg.DagsterInstance, batch: Sequence[str], cursor: Cursor, inbox: Inbox
) -> dg.RunRequest:
    """The run for a batch. Its key counts earlier runs that failed to load the same files."""
    files = [(path, cursor.seen[path].version) for path in batch]
    name = batch_id(files)
    before = instance.get_runs_count(dg.RunsFilter(job_name=FILES.name, tags={BATCH_TAG: name}))
    config = {"files": [{"path": path, "version": version} for path, version in files]}
    regular = [path for path in batch if table_of(path)]
    onwards = used_by_models({table_of(path) for path in batch}) or may_feed(inbox, regular)
    return dg.RunRequest(
        run_key=f"{name}-{before}",
        run_config={"ops": {"file_processing": {"config": config}}},
        tags={BATCH_TAG: name, COUNT_TAG: str(len(batch))}
        | ({} if onwards else {LOAD_ONLY_TAG: "true"}),
        # In a process that holds all stages, the job also has the later stages' steps.
        asset_selection=None if onwards else _own_assets(),
    )


def _own_assets() -> list[dg.AssetKey]:
    tables = FilesLoader().tables()
    return [dg.AssetKey(FilesLoader.asset), *(dg.AssetKey(table.asset_path) for table in tables)]


def _nothing(url: str, found: int, ready: int) -> str:
    if not found:
        return f"{url}: no files"
    if not ready:
        return f"{url}: {found} files, none of them complete or due again"
    return f"{url}: {found} files; runs not finished yet load their tables"


file_arrival_sensor = arrival_sensor(in_production())

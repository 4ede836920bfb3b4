"""The sensor that starts the processing of arrived files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from ingestion.incoming.arrivals import Inbox, Target, target_of
from ingestion.incoming.assets import asset_specs
from ingestion.incoming.downstream import used_by_models
from ingestion.incoming.waiting import Cursor, batch_id, batches
from ingestion.settings import IncomingSettings
from stack.continuation import LOAD_ONLY_TAG, STAGE_TAG
from stack.pipelines import FILES, Stage
from stack.settings import SettingsError, StackSettings, load_settings

INTERVAL_S = 30
BATCH_TAG = "files/batch"
COUNT_TAG = "files/count"
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def arrival_sensor(running: bool, interval_s: int = INTERVAL_S) -> dg.SensorDefinition:
    """The sensor; `running`: it evaluates without being switched on."""
    return dg.SensorDefinition(
        name="file_arrival_sensor",
        evaluation_fn=evaluate,
        job_name=FILES.name,
        minimum_interval_seconds=interval_s,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
        description="Starts a run for each batch of files that arrived at INCOMING_URL.",
    )


def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Run requests for the files that are complete, or why there are none."""
    try:
        settings = load_settings(IncomingSettings)
    except SettingsError as error:
        return dg.SkipReason(str(error))
    before = Cursor.parse(context.cursor, settings.incoming)
    try:
        found = Inbox.open(settings).files()
    except Exception as error:  # whatever a file system's driver raises
        return dg.SensorResult(
            skip_reason=f"{settings.incoming} can't be listed: {type(error).__name__}: {error}",
            cursor=context.cursor,
        )
    now = time.time()
    after = before.look(found, now)
    held = held_tables(context.instance)
    ready = after.complete(before, now, settings.incoming_settle_seconds)
    chosen = (
        []
        if held is None
        else batches(
            ready, held, size=settings.incoming_files_a_run, most=settings.incoming_runs_a_tick
        )
    )
    requests = [request(context.instance, batch, after) for batch in chosen]
    after = after.hand_out([path for batch in chosen for path in batch], now)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _nothing(settings.incoming, len(found), len(ready)),
        cursor=after.dump(),
    )


def request(instance: dg.DagsterInstance, batch: Sequence[str], cursor: Cursor) -> dg.RunRequest:
    """The run of a batch. Its key counts the runs that had the same files and didn't load them."""
    files = [(path, cursor.seen[path].version) for path in batch]
    name = batch_id(files)
    before = instance.get_runs_count(dg.RunsFilter(job_name=FILES.name, tags={BATCH_TAG: name}))
    config = {"files": [{"path": path, "version": version} for path, version in files]}
    tables = {t.table for path in batch if isinstance(t := target_of(path), Target)}
    onwards = used_by_models(tables)
    return dg.RunRequest(
        run_key=f"{name}-{before}",
        run_config={"ops": {"file_processing": {"config": config}}},
        tags={BATCH_TAG: name, COUNT_TAG: str(len(batch))}
        | ({} if onwards else {LOAD_ONLY_TAG: "true"}),
        # In a process that holds all stages the job has the later ones' steps too.
        asset_selection=None if onwards else [spec.key for spec in asset_specs()],
    )


def held_tables(instance: dg.DagsterInstance) -> set[str] | None:
    """Tables that runs not finished yet load; None if one of them may load any.

    The name of the files without a table is "".
    """
    runs = instance.get_runs(dg.RunsFilter(job_name=FILES.name, statuses=UNFINISHED))
    held: set[str] = set()
    for run in runs:
        if run.tags.get(STAGE_TAG, Stage.INGESTION) != Stage.INGESTION:
            continue
        paths = _paths(run.run_config)
        if not paths:  # started by hand: it takes what there is
            return None
        targets = (target_of(path) for path in paths)
        held |= {t.table if isinstance(t, Target) else "" for t in targets}
    return held


def _paths(run_config: Any) -> list[str]:
    try:
        return [str(f["path"]) for f in run_config["ops"]["file_processing"]["config"]["files"]]
    except (LookupError, TypeError):
        return []


def _nothing(url: str, found: int, ready: int) -> str:
    if not found:
        return f"{url}: no files"
    if not ready:
        return f"{url}: {found} files, none of them complete or due again"
    return f"{url}: {found} files; runs not finished yet load their tables"


file_arrival_sensor = arrival_sensor(load_settings(StackSettings).dagster_env == "prod")

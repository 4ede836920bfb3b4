"""Old runs are deleted from a real instance, on SQLite and on Postgres; the latest stay."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from stack.retention.policy import RunPolicy
from stack.retention.runs import clear_runs, clock, is_alone
from support.servers import new_database

KEY, DAY = dg.AssetKey("table"), dg.DailyPartitionsDefinition("2025-01-01")
CHECK = dg.AssetCheckKey(KEY, "rows")
LATER = datetime.now(UTC) + timedelta(days=40)
POLICY = RunPolicy(days=30, newest=1, days_of={"never": 0})


@pytest.fixture(params=["files", "postgres"])
def instance(request, tmp_path):
    if request.param == "files":
        overrides = {}
    else:
        url = new_database(request.getfixturevalue("postgres_url"))
        overrides = {"storage": {"postgres": {"postgres_url": url}}}
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=overrides) as instance:
        yield instance


@dg.asset(key=KEY, partitions_def=DAY, check_specs=[dg.AssetCheckSpec("rows", asset=KEY)])
def table(context):
    print("some output")  # noqa: T201
    yield dg.MaterializeResult()
    yield dg.AssetCheckResult(passed=True)


def load(instance, day):
    return dg.materialize([table], instance=instance, partition_key=day).run_id


def run(instance, name="plain", **tags):
    @dg.job(name=name, tags=tags)
    def job():
        @dg.op
        def say(context):
            context.log_event(dg.AssetObservation("seen"))

        say()

    return job.execute_in_process(instance=instance).run_id


def clear(instance, policy=POLICY, *, dry_run=False):
    return clear_runs(instance, policy, LATER, dry_run=dry_run)


def left(instance):
    return {record.run_id for record in instance.get_runs()}


def test_an_old_run_goes_with_all_that_it_left(instance, tmp_path):
    old, new = load(instance, "2025-01-01"), load(instance, "2025-01-01")
    cleared, named = clear(instance)
    assert (cleared.deleted, cleared.problems, named) == (1, [], {new})
    assert left(instance) == {new}
    assert [p for p in tmp_path.rglob("*") if old in p.name] == []
    assert [r.run_id for r in instance.fetch_materializations(KEY, limit=5).records] == [new]
    history = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=5)
    assert {record.run_id for record in history} == {new}
    assert clear(instance)[0].deleted == 0


def test_the_latest_of_each_partition_and_check_stays(instance):
    kept = {load(instance, "2025-01-01"), load(instance, "2025-01-02")}
    run(instance, "a"), run(instance, "a")
    kept |= {run(instance, "a")}
    days = instance.get_materialized_partitions(KEY)
    assert clear(instance)[0].deleted == 2
    assert left(instance) == kept
    assert instance.get_materialized_partitions(KEY) == days == {"2025-01-01", "2025-01-02"}
    assert instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])


def test_what_is_in_progress_new_or_kept_for_ever_stays(instance):
    @dg.job
    def plain():
        pass

    started = instance.create_run_for_job(plain, status=dg.DagsterRunStatus.STARTED).run_id
    kept = {started, run(instance, "never"), run(instance, "never")}
    kept.add(run(instance, stage="catalog"))
    gone = run(instance)
    kept.add(run(instance))
    assert clock(instance).in_progress == {started}
    assert not is_alone(instance)
    assert is_alone(instance, started)
    clear(instance)
    assert left(instance) == kept
    assert gone not in kept


def test_a_dry_run_deletes_nothing_and_counts_the_same(instance):
    ids = {load(instance, "2025-01-01") for _ in range(3)}
    dry, dry_named = clear(instance, dry_run=True)
    assert left(instance) == ids
    real, named = clear(instance)
    assert (dry.deleted, dry_named) == (real.deleted, named)


def test_one_that_was_killed_midway_is_finished_the_next_time(instance, monkeypatch):
    old, new = load(instance, "2025-01-01"), load(instance, "2025-01-01")

    def killed(run_id):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(instance.run_storage, "delete_run", killed)
        clear(instance)
    assert left(instance) == {old, new}
    assert clear(instance)[0].deleted == 1
    assert left(instance) == {new}


def test_one_that_cannot_be_deleted_is_told_and_the_others_go(instance, monkeypatch):
    bad, *_ = [load(instance, "2025-01-01") for _ in range(3)]
    delete = instance.run_storage.delete_run

    def refuse(run_id):
        if run_id == bad:
            raise PermissionError("not this one")
        delete(run_id)

    monkeypatch.setattr(instance.run_storage, "delete_run", refuse)
    cleared, named = clear(instance)
    assert (cleared.deleted, len(left(instance))) == (1, 2)
    assert cleared.problems == [f"run {bad} of __ephemeral_asset_job__: not this one"]
    assert bad in named

"""Parts of the release die at the worst moment: nothing is lost, and nothing is done twice."""

import uuid
from collections import Counter

from cluster.kube import wait_for
from stack.options import options_config
from stack.pipelines import DAILY, MONITORING, Stage
from stack.settings import WarehouseSettings
from support.contents import contents

STAGES = [str(stage) for stage in Stage]
MARK = "test/fault"


def begun(release, run_id) -> int:
    """How often a run started."""
    return sum(e.get("eventType") == "RUN_START" for e in release.events(run_id))


def launch_quick_runs(release, number: int) -> str:
    """A tag that only these runs have."""
    mark = uuid.uuid4().hex
    for _ in range(number):
        release.launch("catalog", MONITORING.name, **{MARK: mark})
    return mark


def assert_quick_runs_end_well(release, mark: str, number: int) -> None:
    def all_ended():
        runs = release.runs(tags={MARK: mark}, statuses=["SUCCESS"])
        return len(runs) == number

    wait_for(
        all_ended, lambda: Counter(run["status"] for run in release.runs(tags={MARK: mark})), 600
    )
    runs = release.runs(tags={MARK: mark})
    assert [begun(release, run["runId"]) for run in runs] == [1] * number


def test_daemon_killed_amid_a_queue(release):
    mark = launch_quick_runs(release, 12)
    wait_for(lambda: release.runs(tags={MARK: mark}, statuses=["STARTED"]), "a run to begin")
    assert release.runs(tags={MARK: mark}, statuses=["QUEUED"])
    release.namespace.kill(release.selector("daemon"))
    assert_quick_runs_end_well(release, mark, 12)


def test_webserver_killed_while_runs_go_on(release):
    mark = launch_quick_runs(release, 3)
    release.namespace.kill(release.selector("webserver"))
    release.namespace.pod(release.selector("webserver"))
    release.wait_until_loaded()
    assert_quick_runs_end_well(release, mark, 3)


def test_postgres_restarted_while_runs_wait(release):
    mark = launch_quick_runs(release, 3)
    release.namespace.kill(release.selector("postgresql"))
    release.namespace.pod(release.selector("postgresql"))
    release.wait_until_loaded()
    # The UI's first launch has no connection from before.
    release.ui.launch("catalog", MONITORING.name, **{MARK: mark})
    assert_quick_runs_end_well(release, mark, 4)


def test_s3_store_restarted_while_runs_wait(release):
    """A run that met the outage reports that the store is down, as it should; none is lost."""
    mark = launch_quick_runs(release, 3)
    release.namespace.kill(release.selector("s3"))
    release.namespace.pod(release.selector("s3"))
    wait_for(
        lambda: not release.runs(tags={MARK: mark}, statuses=["QUEUED", "STARTING", "STARTED"]),
        lambda: Counter(run["status"] for run in release.runs(tags={MARK: mark})),
    )
    runs = release.runs(tags={MARK: mark})
    assert [begun(release, run["runId"]) for run in runs] == [1] * 3
    for run in runs:
        said = [event.get("message") or "" for event in release.events(run["runId"])]
        met_it = any(message.startswith("datahub: down") for message in said)
        assert run["status"] == ("FAILURE" if met_it else "SUCCESS"), release.story_of(run["runId"])
    assert_quick_runs_end_well(release, launch_quick_runs(release, 1), 1)


def test_run_pod_killed_amid_a_load_and_then_the_next_code_server(release, lake, on_one_machine):
    """The tables are right in the end, and each stage was started once."""

    def loading():
        events = release.events(first)
        return any(e.get("eventType") == "STEP_START" for e in events)

    first = release.launch("ingestion", DAILY.name, options_config(force_full_refresh=True))
    wait_for(loading, lambda: release.story_of(first))
    release.namespace.kill(f"dagster/run-id={first}")
    failed = release.wait_for_run(first, {"FAILURE"})
    assert failed["tags"]["stage"] == "ingestion"
    # Its sensor looks for work while the run is retried.
    release.namespace.kill(release.location_selector("transformation"))

    def succeeded():
        return release.runs(tags={"pipeline/id": first}, statuses=["SUCCESS"])

    def catalogued():
        return {run["tags"]["stage"] for run in succeeded()} == set(STAGES)

    wait_for(catalogued, lambda: [r["status"] for r in release.runs(limit=10)], 900)
    assert Counter(run["tags"]["stage"] for run in succeeded()) == Counter(STAGES)
    assert [begun(release, run["runId"]) for run in succeeded()] == [1] * len(STAGES)
    expected = contents(WarehouseSettings(stack_home=on_one_machine.home))
    on_cluster = {name.lower(): value for name, value in lake.items()}
    found = contents(WarehouseSettings(stack_home=on_one_machine.home, **on_cluster))
    for table, rows in expected.items():
        assert found[table] == rows, table

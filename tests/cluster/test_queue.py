"""Forty runs at once: the limit, the pool and the order of the queue hold."""

import threading
from collections import Counter

import pytest

from cluster.kube import wait_for
from stack.pipelines import FILES, MONITORING
from stack.warehouse.pool import WAREHOUSE_POOL

LIMIT, POOL_LIMIT = 10, 4
LIGHT = 32
URGENT = 4
POOLED = 8
BEGUN = {"STARTING", "STARTED", "CANCELING"}
MARK = "test/queue"


class Watch:
    """Continuously counts the pods of runs in progress.

    A pod lives a moment longer than its run, whose slot is then free: it counts only if its run is
    still in progress when queried after the pods.
    """

    def __init__(self, release):
        self.most = 0
        self._release, self._ended = release, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._ended.wait(0.3):
            pods = self._release.run_pods()
            runs = self._release.runs(tags={MARK: "yes"}, statuses=sorted(BEGUN))
            in_progress = {run["runId"] for run in runs}
            seen = [pod["metadata"]["labels"]["dagster/run-id"] for pod in pods]
            self.most = max(self.most, sum(run_id in in_progress for run_id in seen))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join(30)


def most_at_once(runs) -> int:
    changes = sorted(
        [(run["launched"], 1) for run in runs] + [(run["endTime"], -1) for run in runs]
    )
    in_progress = most = 0
    for _, change in changes:
        in_progress += change
        most = max(most, in_progress)
    return most


def events_of(release, run_id, kind):
    return [e for e in release.events(run_id) if e.get("eventType") == kind]


@pytest.fixture(scope="module")
def forty(release):
    """Records of forty runs submitted at once, and the most pods seen."""
    namespace, daemon = release.namespace, f"deployment/{release.fullname}-daemon"
    namespace.kubectl("scale", daemon, "--replicas=0")
    wait_for(lambda: not namespace.get("pods", release.selector("daemon")), "the daemon to go")
    tags = {MARK: "yes", "option/load_only": "true"}
    for _ in range(LIGHT - URGENT):
        release.launch("catalog", MONITORING.name, **tags)
    for _ in range(POOLED):
        release.launch("ingestion", FILES.name, **tags)
    urgent = {"dagster/priority": "1000"}
    for _ in range(URGENT):
        release.launch("catalog", MONITORING.name, **tags, **urgent)
    with Watch(release) as watch:
        namespace.kubectl("scale", daemon, "--replicas=1")
        wait_for(
            lambda: not release.runs(tags={MARK: "yes"}, statuses=["QUEUED", *BEGUN]),
            lambda: Counter(run["status"] for run in release.runs(tags={MARK: "yes"})),
            seconds=900,
        )
    runs = release.runs(tags={MARK: "yes"})
    for run in runs:
        [starting] = events_of(release, run["runId"], "RUN_STARTING")
        run["launched"] = float(starting["timestamp"]) / 1000
    return runs, watch.most


def test_all_finish_and_each_ran_once(release, forty):
    runs, _ = forty
    assert len(runs) == LIGHT + POOLED
    assert Counter(run["status"] for run in runs) == {"SUCCESS": len(runs)}
    starts = [len(events_of(release, run["runId"], "RUN_START")) for run in runs]
    assert starts == [1] * len(runs)


def test_never_more_than_the_limit_in_progress_by_records_and_by_pods(forty):
    runs, most_pods = forty
    assert 1 < most_at_once(runs) <= LIMIT
    # A pod ends after its run, when its slot is already free.
    assert 1 < most_pods <= LIMIT


def test_runs_of_a_pool_keep_to_its_limit(forty):
    runs = [run for run in forty[0] if run["jobName"] == FILES.name]
    assert len(runs) == POOLED
    assert 1 < most_at_once(runs) <= POOL_LIMIT, WAREHOUSE_POOL


def test_the_urgent_ones_leave_the_queue_first(forty):
    runs = sorted(
        (run for run in forty[0] if run["jobName"] == MONITORING.name),
        key=lambda run: run["launched"],
    )
    first = [run["tags"].get("dagster/priority") for run in runs[:URGENT]]
    assert first == ["1000"] * URGENT

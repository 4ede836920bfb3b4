"""A store is away for 90 s amid the daily pipeline, or a run's pod is evicted: same tables."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.kube import output_of, wait_for
from stack.options import options_config
from stack.pipelines import DAILY, Stage
from stack.settings import WarehouseSettings
from support.contents import contents

STAGES = [str(stage) for stage in Stage]
OUTAGE_S = 90.0


@contextmanager
def away(release, store: str) -> Iterator[None]:
    """A bundled store that is abruptly gone within the block, and ready again afterwards."""
    name = f"statefulset/{release.fullname}-{store}"
    release.namespace.kubectl("scale", name, "--replicas=0")
    release.namespace.kill(release.selector(store))
    try:
        yield
    finally:
        release.namespace.kubectl("scale", name, "--replicas=1")
        release.namespace.pod(release.selector(store))
        release.way.close()


def wait_out(release, store: str) -> None:
    """Wait until the store isn't served, and then for the length of the outage."""
    begun = time.monotonic()
    with away(release, store):
        wait_for(lambda: time.monotonic() - begun > OUTAGE_S, f"the outage of {store} to end")
        assert not release.namespace.names("pods", release.selector(store))


def evict(release, pod: str) -> None:
    """End a pod as draining a node does: by the eviction API, with grace."""
    name = release.namespace.name
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": name},
    }
    path = f"/api/v1/namespaces/{name}/pods/{pod}/eviction"
    output_of("kubectl", "create", "--raw", path, "-f", "-", text=json.dumps(eviction))


def begun(release, first: str, stage: str) -> str:
    """The run of a stage of the pipeline, once it is in its first step."""

    def amid_a_step() -> str | None:
        for run in runs_of(release, first):
            events = release.events(run["runId"]) if run["tags"]["stage"] == stage else []
            if any(e.get("eventType") == "STEP_START" for e in events):
                return str(run["runId"])
        return None

    return wait_for(amid_a_step, lambda: told(release, first), 600)


def runs_of(release, first: str) -> list[dict]:
    """The runs of the pipeline that started with this run or its retries."""
    later = release.runs(tags={"pipeline/id": first})
    return later if any(run["runId"] == first for run in later) else [*later, release.run(first)]


def told(release, first: str) -> list[tuple[str, str]]:
    return [(run["tags"]["stage"], run["status"]) for run in runs_of(release, first)]


def succeeded(release, first: str) -> list[str]:
    """The stages of the pipeline that have succeeded, one for each successful run."""
    runs = runs_of(release, first)
    return [run["tags"]["stage"] for run in runs if run["status"] == "SUCCESS"]


def test_an_eviction_and_an_outage_of_each_store_amid_one_pipeline(
    release, on_one_machine, request
):
    """Each stage succeeds once, and the tables are those of an undisturbed pipeline."""
    first = release.launch("ingestion", DAILY.name, options_config(force_full_refresh=True))
    [pod] = release.run_pods(begun(release, first, "ingestion"))
    evict(release, pod["metadata"]["name"])
    begun(release, first, "transformation")
    wait_out(release, "postgresql")
    begun(release, first, "quality")
    wait_out(release, "s3")
    wait_for(lambda: set(succeeded(release, first)) == set(STAGES), lambda: told(release, first))
    assert Counter(succeeded(release, first)) == Counter(STAGES)
    # Only now, because forwarded ports end with their pods.
    on_cluster = {k.lower(): v for k, v in request.getfixturevalue("lake").items()}
    expected = contents(WarehouseSettings(stack_home=on_one_machine.home))
    found = contents(WarehouseSettings(stack_home=on_one_machine.home, **on_cluster))
    for table, rows in expected.items():
        assert found[table] == rows, table

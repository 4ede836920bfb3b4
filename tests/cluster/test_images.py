"""What is in the images, checked in the pods that run them."""

import json

import pytest

from cluster.kube import ClusterError
from stack.pipelines import Stage

LOCATIONS = sorted(str(stage) for stage in Stage)
PACKAGES = {
    "ingestion": "dlt",
    "transformation": "dbt",
    "quality": "great_expectations",
    "catalog": "datahub",
}
# Templates in packages, which no version of Python can compile.
UNCOMPILED = 10
ASK = """
import importlib.util as u, json, os, pathlib, sys
names = sys.argv[1:]
files = [f for root in ("/opt/stack", "/app") for f in pathlib.Path(root).rglob("*.py")]
compiled = [f for f in files if pathlib.Path(u.cache_from_source(str(f))).exists()]
print(json.dumps({"found": [n for n in names if u.find_spec(n)], "uid": os.getuid(),
                  "files": len(files), "compiled": len(compiled)}))
"""


@pytest.fixture(params=LOCATIONS)
def pod(release, request):
    return request.param, f"pod/{release.namespace.pod(release.location_selector(request.param))}"


def test_a_location_holds_its_own_packages_compiled_and_nobody_elses(release, pod):
    location, name = pod
    names = sorted({*PACKAGES.values(), *LOCATIONS})
    said = json.loads(release.namespace.execute(name, "python", "-c", ASK, *names))
    assert said["found"] == sorted({PACKAGES[location], location})
    assert said["uid"] == 10001
    assert said["files"] > 1000
    assert said["compiled"] >= said["files"] - UNCOMPILED


def test_a_pod_writes_to_its_scratch_volume_only(release, pod):
    _, name = pod
    for folder in ("/app", "/opt/stack", "/etc", "/var/tmp"):
        with pytest.raises(ClusterError, match="Read-only file system"):
            release.namespace.execute(name, "touch", f"{folder}/file")
    release.namespace.execute(name, "touch", "/scratch/file", "/tmp/file")


def test_dbt_takes_up_the_project_that_the_image_parsed(release):
    name = f"pod/{release.namespace.pod(release.location_selector('transformation'))}"
    ask = "from transformation.project import load_project; print(load_project().prepared_dir())"
    found = release.namespace.execute(name, "python", "-c", ask)
    assert found.strip() == "/app/transformation/dbt/target"
    by_hand = ("stack", "dbt", "--log-level", "debug", "list")
    assert "skipping parsing" in release.namespace.execute(name, *by_hand)

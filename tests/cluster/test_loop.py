"""Edited code reaches code servers and runs without an image, or is refused with a reason."""

import re

import pytest

from cluster.checkout import Checkout
from cluster.conftest import installed
from cluster.kube import wait_for

LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { name
  locationOrLoadError { __typename ... on RepositoryLocation {
    dagsterLibraryVersions { name version }
    repositories { jobs { name } assetNodes { assetKey { path } description } } } } } } } }"""
VALUES = {
    "stack": {"dev": {"sync": True}, "env": {"DAGSTER_ENV": "dev"}},
    "observability": {"enabled": False},
    "codeLocationDefaults": {
        "resources": {"requests": {"cpu": "20m"}},
        "run": {"resources": {"requests": {"cpu": "50m", "memory": "256Mi"}}},
    },
    "codeLocations": {"quality": {"enabled": False}, "catalog": {"enabled": False}},
}
JOB = """

import dagster as dg


@dg.op
def say(context) -> None:
    context.log.info("said %s")


@dg.job
def edited() -> None:
    say()


defs = dg.Definitions.merge(defs, dg.Definitions(jobs=[edited]))
"""
MODEL = "cash_in"


@pytest.fixture(scope="module")
def synced(images, tmp_path_factory):
    """A small release that accepts code."""
    with installed("synced", images, VALUES, tmp_path_factory.mktemp("synced")) as release:
        yield release


@pytest.fixture(scope="module")
def checkout(synced, tmp_path_factory):
    return Checkout.copy(tmp_path_factory.mktemp("checkout"), synced.namespace)


def location(release, name):
    """What the webserver knows about a location."""
    entries = release.ui.query(LOCATIONS)["workspaceOrError"]["locationEntries"]
    [found] = [entry["locationOrLoadError"] for entry in entries if entry["name"] == name]
    return found


def jobs(release):
    [repository] = location(release, "ingestion")["repositories"]
    return {job["name"] for job in repository["jobs"]}


def shown(release, name="ingestion"):
    """What the UI shows for a location, apart from the versions of Dagster's libraries.

    Nothing while its code server starts, when the location has an error instead.
    """
    versions = location(release, name).get("dagsterLibraryVersions") or ()
    return {v["name"]: v["version"] for v in versions}


def test_job_that_was_written_is_shown_and_runs_as_it_was_synced(synced, checkout):
    file = checkout.package("ingestion") / "definitions.py"
    original = file.read_text()
    assert "edited" not in jobs(synced)

    file.write_text(original + JOB % "one")
    done = checkout.sync("ingestion")
    assert done.returncode == 0, done.stderr
    digest = re.search(r"ingestion: (\w+) loaded", done.stdout)[1]
    wait_for(lambda: "edited" in jobs(synced), "the job that was written")
    assert shown(synced)["synced code"] == digest

    run_id = synced.launch("ingestion", "edited")
    record = synced.wait_for_run(run_id, {"SUCCESS"})
    assert record["tags"]["code"] == digest
    [pod] = synced.run_pods(run_id)
    assert pod["metadata"]["labels"]["freelancer-data-stack/code"] == digest
    assert any(event.get("message") == "said one" for event in synced.events(run_id))

    file.write_text(original + (JOB % "two").replace("def edited", "def edited(:"))
    done = checkout.sync("ingestion")
    assert done.returncode == 2
    assert "SyntaxError" in done.stderr
    assert "definitions.py" in done.stderr
    wait_for(lambda: "code not taken" in shown(synced), "the error at the location")
    assert "SyntaxError" in shown(synced)["code not taken"]
    assert "edited" in jobs(synced), "the old definitions are usable"
    run_id = synced.launch("ingestion", "edited")
    assert synced.wait_for_run(run_id, {"SUCCESS"})["tags"]["code"] == digest

    file.write_text(original)
    done = checkout.sync("ingestion")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: "edited" not in jobs(synced), "the job to go")
    assert "code not taken" not in shown(synced)


def test_model_that_was_edited_is_made_by_the_next_run_and_stays_after_a_restart(synced, checkout):
    models = checkout.root / "code_locations/transformation/dbt/models/marts"
    (models / f"{MODEL}.sql").rename(models / "cash_flow.sql")
    for file in models.glob("*.yml"):
        file.write_text(re.sub(rf"\b{MODEL}\b", "cash_flow", file.read_text()))
    done = checkout.sync("transformation")
    assert done.returncode == 0, done.stderr

    def marts():
        [repository] = location(synced, "transformation")["repositories"]
        return {n["assetKey"]["path"][-1] for n in repository["assetNodes"]}

    wait_for(lambda: "cash_flow" in marts(), "the model's new name")
    assert MODEL not in marts()
    run_id = synced.launch("transformation", "transformation_pipeline")
    synced.wait_for_run(run_id, {"SUCCESS"})

    synced.namespace.kubectl("delete", "pod", "-l", synced.location_selector("transformation"))
    synced.namespace.pod(synced.location_selector("transformation"))
    wait_for(lambda: "synced code" in shown(synced, "transformation"), "the code after a restart")
    assert "cash_flow" in marts()

"""Workflows run scripts of this repository, with no more rights than those need."""

import os
import re

import pytest
import yaml

from scripts.chart_values_page import ROOT

WORKFLOWS = {
    file.name: yaml.safe_load(file.read_text())
    for file in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
JOBS = {
    f"{file} {name}": job
    for file, found in WORKFLOWS.items()
    for name, job in found["jobs"].items()
}
# What a script does with the token of its job, beside reading the repository.
NEEDS = {
    "ci/announce.sh": {"contents": "write"},
    "ci/promote.sh": {"contents": "write", "pull-requests": "write"},
    "ci/release.sh": {"packages": "write"},
}
SCRIPTS = {str(file.relative_to(ROOT)) for file in (ROOT / "ci").glob("*.sh")}
MAKEFILE = (ROOT / "Makefile").read_text()


def commands(job) -> list[str]:
    return [step["run"] for step in job.get("steps", ()) if "run" in step]


def called(job) -> set[str]:
    """Scripts that a job runs, also by another workflow."""
    if "uses" in job:
        other = WORKFLOWS[job["uses"].rpartition("/")[2]]
        return set().union(*map(called, other["jobs"].values()))
    return {command.split()[0] for command in commands(job)}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_one_script_that_runs_at_home(job):
    [script] = called(JOBS[job])
    assert script in SCRIPTS
    assert os.access(ROOT / script, os.X_OK)
    assert all(command.count("\n") == 0 for command in commands(JOBS[job]))


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_the_permissions_that_its_script_needs_and_no_more(job):
    needed = {"contents": "read"}
    for script in called(JOBS[job]):
        needed |= NEEDS.get(script, {})
    assert JOBS[job]["permissions"] == needed


def test_a_script_is_known_to_need_the_token_if_it_takes_one():
    taking = set()
    for job in JOBS.values():
        steps = [step for step in job.get("steps", ()) if "github.token" in str(step)]
        taking |= {step["run"].split()[0] for step in steps}
    assert taking == set(NEEDS)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_grants_nothing_to_all_of_its_jobs(name):
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("job", [name for name, job in JOBS.items() if "uses" not in job])
def test_a_job_ends_and_leaves_its_token_nowhere(job):
    assert JOBS[job]["timeout-minutes"] <= 150
    checkout = JOBS[job]["steps"][0]
    assert checkout["uses"].startswith("actions/checkout@")
    assert checkout["with"]["persist-credentials"] is False


def test_what_is_published_comes_from_no_cache():
    for job in JOBS.values():
        caches = [step for step in job.get("steps", ()) if "actions/cache@" in step.get("uses", "")]
        assert not caches or job["permissions"] == {"contents": "read"}


def test_actions_are_githubs_own_each_at_one_commit():
    pinned = {}
    for file in WORKFLOWS:
        text = (ROOT / ".github/workflows" / file).read_text()
        for action, commit, version in re.findall(r"uses: ([^@\n]+)@(\S+) # (v[\d.]+)", text):
            pinned.setdefault(action, set()).add((commit, version))
        assert len(re.findall(r"uses: (?!\./)", text)) == len(
            re.findall(r"@[0-9a-f]{40} # v", text)
        )
    assert all(action.startswith("actions/") for action in pinned)
    assert all(len(commits) == 1 for commits in pinned.values()), pinned


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_a_script_names_targets_and_scripts_that_exist(script):
    text = re.sub(r"^ *#.*$", "", (ROOT / script).read_text(), flags=re.MULTILINE)
    targets = set(re.findall(r"(?:^|[ ;])make ([a-z-]+)", text, flags=re.MULTILINE))
    assert all(f"\n{target}: " in MAKEFILE for target in targets), targets
    for found in re.findall(r"\b(?:scripts|ci)/[a-z-]+\.sh", text):
        assert os.access(ROOT / found, os.X_OK), found


def test_a_contributor_is_told_of_every_script():
    told = (ROOT / "CONTRIBUTING.md").read_text()
    assert all(f"`{script}`" in told for script in SCRIPTS)

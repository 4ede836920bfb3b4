"""What `stack sync` packs, what a pod does with it, and what the command prints."""

import json
import os
import stat

import pytest

from pods.code import code_of
from stack.errors import StackError
from stack.sync.cli import SERVER, Cluster, Syncer
from stack.sync.files import StateError, digest_of, files_of, pack, unpack
from stack.sync.pod import context_of, variables


@pytest.fixture
def checkout(tmp_path):
    files = [
        "stack/src/stack/__init__.py", "stack/src/stack/logs/__init__.py", "pods/src/pods/code.py",
        "sales/src/sales/definitions.py", "sales/src/sales/__pycache__/x.pyc",
        "sales/dbt/models/a.sql", "sales/dbt/target/manifest.json", "sales/dbt/.user.yml",
        "other/src/other/definitions.py", "sales/pyproject.toml",
    ]  # fmt: skip
    for name in files:
        file = tmp_path / "code_locations" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def test_state_has_what_the_location_loads_and_nothing_that_was_made(checkout):
    assert set(files_of(checkout, "sales")) == {
        "src/stack/__init__.py", "src/stack/logs/__init__.py", "src/pods/code.py",
        "src/sales/definitions.py", "dbt/models/a.sql",
    }  # fmt: skip
    with pytest.raises(StackError, match="no code location"):
        files_of(checkout, "purchases")


def test_digest_follows_names_and_content(checkout):
    before = files_of(checkout, "sales")
    assert unpack(pack(before)) == before
    model = checkout / "code_locations/sales/dbt/models/a.sql"
    model.rename(model.with_name("b.sql"))
    renamed = files_of(checkout, "sales")
    (checkout / "code_locations/other/src/other/definitions.py").write_text("edited")
    assert digest_of(files_of(checkout, "sales")) == digest_of(renamed) != digest_of(before)


@pytest.mark.parametrize("name", ["/etc/passwd", "src/../../x"])
def test_archive_that_leads_elsewhere_is_refused(name):
    with pytest.raises(StateError, match="below the state's folder"):
        unpack(pack({name: b""}))


def test_run_uses_the_state_of_its_code_server(tmp_path):
    state = tmp_path / "0123456789ab"
    (state / "dbt").mkdir(parents=True)
    environment = {
        "DBT_PROJECT_DIR": "/app/sales/dbt", "DBT_PROFILES_DIR": "/etc/profiles",
        "CONNECTORS": "/app/sales/connectors", "PYTHONPATH": "/mine",
    }  # fmt: skip
    moved = variables(state, "sales", environment)
    assert moved == {
        "DBT_PROJECT_DIR": f"{state}/dbt", "PYTHONPATH": os.pathsep.join([f"{state}/src", "/mine"])
    }  # fmt: skip
    envs = [{"configMapRef": {"name": "sales"}}]
    context = {"k8s": {"image_pull_policy": "Always", "run_k8s_config": {
        "container_config": {"envFrom": envs, "env": [{"name": "A", "value": "1"}]}}}}  # fmt: skip
    found = context_of(context, "sales:1", "sales", state, moved)
    assert code_of(found) == "0123456789ab"
    assert code_of(context) is None, "what it is made from stays"
    run = found["k8s"]["run_k8s_config"]
    assert {e["name"]: e["value"] for e in run["container_config"]["env"]} == {"A": "1", **moved}
    [fetch] = run["pod_spec_config"]["initContainers"]
    assert (fetch["image"], fetch["envFrom"], fetch["imagePullPolicy"]) == (
        "sales:1", envs, "Always",
    )  # fmt: skip
    assert fetch["command"][-2:] == ["sales", "0123456789ab"]


def deployment(location, release="one", command=("python", "-m", SERVER)):
    labels = {"freelancer-data-stack/location": location, "app.kubernetes.io/instance": release}
    containers = [{"name": "proxy"}, {"name": "code-server", "command": command}]
    return {
        "metadata": {"name": f"{release}-{location}", "labels": labels},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


@pytest.fixture
def kubectl(tmp_path, monkeypatch):
    """A kubectl that lists these Deployments, and whose pods answer so."""

    def make(*deployments, answer=""):
        (tmp_path / "list.json").write_text(json.dumps({"items": deployments}))
        (tmp_path / "answer").write_text(answer)
        program = tmp_path / "bin/kubectl"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/sh\ncase "$*" in\n*" get "* | "get "*) cat {tmp_path}/list.json ;;\n'
            f'*) cat >/dev/null; echo "$*" >>{tmp_path}/asked; cat {tmp_path}/answer ;;\nesac\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    return make


@pytest.mark.parametrize(
    ("deployments", "says"),
    [
        ([], "no code servers"),
        ([deployment("sales"), deployment("sales", "two")], "several releases.*one, two"),
        ([deployment("sales", command=["dagster"])], "takes no code; install.*stack.dev.sync=true"),
    ],
)
def test_release_that_takes_no_code_is_said(kubectl, deployments, says):
    kubectl(*deployments)
    with pytest.raises(StackError, match=says):
        Cluster().locations()


def test_only_what_changed_is_handed_over_and_each_answer_is_a_line(kubectl, checkout, tmp_path):
    said = {"digest": "d", "took_s": 1.0, "is_new": True, "error": None}
    kubectl(deployment("sales"), deployment("other"), answer=json.dumps(said))
    cluster = Cluster("kind-x", "data")
    syncer = Syncer(checkout, cluster, cluster.locations())
    assert [is_well for _, is_well in syncer.sync()] == [True, True]
    assert list(syncer.sync()) == []
    (checkout / "code_locations/other/src/other/definitions.py").write_text("edited")
    kubectl(answer=json.dumps(said | {"error": "SyntaxError"}))
    [(line, is_well)] = syncer.sync()
    assert line.startswith("other: ")
    assert "what was there stays: SyntaxError" in line
    assert not is_well
    asked = (tmp_path / "asked").read_text().splitlines()
    assert all(line.startswith("--context kind-x --namespace data exec -i ") for line in asked)
    (checkout / "code_locations/stack/src/stack/__init__.py").write_text("for all")
    kubectl(answer="Traceback")
    assert [is_well for _, is_well in syncer.sync()] == [False, False], "broken off"

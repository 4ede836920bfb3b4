"""Which containers write JSON log lines, and which may send traces."""

import pytest

from chart.environments import LOCATIONS
from chart.network import ELSEWHERE, allows, places, policies_of
from chart.rendering import environment, objects, one, run_pods, templates

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def formats(found):
    """LOG_FORMAT of the serving containers, and of runs as Kubernetes assembles them."""
    shared = one(found, "ConfigMap", "env")
    served = {
        name: template["spec"]["containers"][0]
        for name, template in templates(found).items()
        if name.startswith("Deployment/")
    }
    runs = {f"run of {name}": pod["containers"][0] for name, pod in run_pods(found).items()}
    return {
        name: environment(container).get("LOG_FORMAT")
        or shared["data"]["LOG_FORMAT"] * _takes(container, shared)
        for name, container in (served | runs).items()
    }


def _takes(container, config_map):
    name = config_map["metadata"]["name"]
    return any(s.get("configMapRef", {}).get("name") == name for s in container.get("envFrom", []))


@pytest.mark.parametrize(("settings", "expected"), [
    ([], "json"), (['stack={"env":{"LOG_FORMAT":"text"}}'], "text"),
])  # fmt: skip
def test_all_containers_of_the_stack_write_the_same_form(settings, expected):
    found = formats(objects("default", *settings))
    assert len(found) >= 2 + 2 * len(LOCATIONS)
    assert set(found.values()) == {expected}, found


def test_runs_may_send_traces_where_the_variable_leads():
    found = objects("default", f'stack={{"env":{{"{ENDPOINT}":"http://collector:4318"}}}}')
    for name in LOCATIONS:
        if name != "ingestion":  # it may connect to anything
            assert allows(policies_of(found), places(found)[f"run of {name}"], ELSEWHERE, 4318)
    closed = objects("default")
    assert not allows(policies_of(closed), places(closed)["run of quality"], ELSEWHERE, 4318)

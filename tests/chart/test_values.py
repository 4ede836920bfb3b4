"""Values, their schema and their page agree; what contradicts itself is refused with a reason."""

import json
from pathlib import Path

import pytest
import yaml

from chart.rendering import CHART, SCENARIOS, RenderError, helm, manifests
from scripts.chart_values_page import FILE, described, render

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
OWN_POSTGRES = 'postgresql={"enabled":false,"external":{"host":"db"%s}}'


def resolve(schema):
    return SCHEMA["$defs"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema


def disagreements(values, schema, path=()):
    """Paths that only one of values and schema has, down to where the schema lets keys free."""
    schema = resolve(schema)
    if "properties" not in schema:
        return
    assert schema["additionalProperties"] is False, path
    for key in set(values) ^ (set(schema["properties"]) - {"global"}):
        yield (*path, key)
    for key in set(values) & set(schema["properties"]):
        if isinstance(values[key], dict):
            yield from disagreements(values[key], schema["properties"][key], (*path, key))


def leaves(values, path=()):
    for key, value in values.items():
        here = (*path, key)
        free = key in {"resources", "highMemoryResources", "codeLocations"}
        if isinstance(value, dict) and value and not free:
            yield from leaves(value, here)
        else:
            yield here


def test_schema_and_values_have_the_same_keys():
    assert list(disagreements(VALUES, SCHEMA)) == []


def test_every_value_is_described():
    paths = {path for path, _ in described((CHART / "values.yaml").read_text())}
    assert set(leaves(VALUES)) == paths


def test_page_is_what_make_docs_writes():
    assert FILE.read_text() == render(), "run `make docs`"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario_passes_helm_lint(scenario: str):
    values = CHART / "ci" / f"{scenario}-values.yaml"
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), "--values", str(values))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (['postgresql={"enabled":false}'], "postgresql.external.host is empty"),
        (['postgresql={"external":{"host":"db"}}'], "postgresql.external is set too"),
        ([OWN_POSTGRES % ""], "has no credentials"),
        ([OWN_POSTGRES % ',"password":"x"'], "has no credentials"),
        ([OWN_POSTGRES % ',"password":"x","existingSecret":"y"'], "not both"),
        (['s3={"external":{"endpointUrl":"http://s3"}}'], "s3.external is set too"),
        (['s3={"enabled":false,"external":{"accessKeyId":"k"}}'], "go together"),
        (
            ['s3={"enabled":false,"external":{"accessKeyId":"k","existingSecret":"y"}}'],
            "not both",
        ),
        (['ingress={"enabled":true}'], "ingress.host is empty"),
        (['codeLocationDefaults={"enabled":false}'], "no enabled entry"),
        (['codeLocations={"daemon":{}}'], "codeLocations.daemon: that name is taken"),
        (['codeLocations={"catalog":{"run":{"memory":1}}}'], "'memory' not allowed"),
        (['codeLocations={"catalog":{"executor":"celery"}}'], "'in-process', 'k8s-job'"),
        (['webserver={"pathPrefix":"dagster/"}'], "/webserver/pathPrefix"),
        (['webserver={"allowedHosts":["https://a.example.org"]}'], "/webserver/allowedHosts"),
        (['dagster={"image":{"digest":"latest"}}'], "/dagster/image/digest"),
        (['typo={"a":1}'], "'typo' not allowed"),
    ],
)
def test_contradictions_and_typing_errors_are_refused(settings: list[str], says: str):
    with pytest.raises(RenderError) as refused:
        manifests("default", *settings)
    assert says in str(refused.value)


def test_without_helm_the_tests_say_what_they_need(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HELM_BIN", raising=False)
    with pytest.raises(FileNotFoundError, match="HELM_BIN"):
        helm("version")

"""Values, schema and page agree; contradictory values are refused with a reason."""

import json
from pathlib import Path

import pytest
import yaml

from chart.rendering import CHART, SCENARIOS, RenderError, helm, manifests, objects
from scripts import chart_variables
from scripts.chart_values_page import FILE, described, render

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
OWN_POSTGRES = 'postgresql={"enabled":false,"external":{"host":"db"%s}}'


OIDC = (
    'auth={"mode":"oidc","oidc":{"issuerUrl":"https://id.example.org","clientId":"stack",'
    '"existingSecret":"oidc"}}'
)
WILDCARD_ROUTE = (
    'httpRoute={"enabled":true,"hostnames":["*.example.org"],"parentRefs":[{"name":"gateway"}]}'
)


# Kubernetes' own objects, whose keys are all optional.
KUBERNETES = {"resources", "affinity", "dnsConfig", "hostAliases", "containers"}


def resolve(schema):
    name = schema.get("$ref", "").rpartition("/")[2]
    return {} if name in KUBERNETES else SCHEMA["$defs"][name] if name else schema


def disagreements(values, schema, path=()):
    """Paths in only one of values and schema, down to where the schema allows any keys."""
    schema = resolve(schema)
    if "properties" not in schema:
        return
    assert schema["additionalProperties"] is False, path
    for key in set(values) ^ (set(schema["properties"]) - {"global"}):
        if path != ("podSecurityContext",):
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


def test_page_and_list_of_variables_are_what_make_docs_writes():
    assert FILE.read_text() == render(), "run `make docs`"
    assert chart_variables.FILE.read_text() == chart_variables.render(), "run `make docs`"


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
        (["daemon=null"], "missing property 'daemon'"),
        (['instance={"poolLimit":null}'], "missing property 'poolLimit'"),
        (['instance={"maxConcurrentRuns":0}'], "/instance/maxConcurrentRuns"),
        (['instance={"tagConcurrencyLimits":[{"key":"a","limt":1}]}'], "'limt' not allowed"),
        (['codeLocations={"quality":{"run":null}}'], "/codeLocations/quality/run"),
        (['daemon={"resources":{"limits":{"memory":"768MB"}}}'], "/daemon/resources/limits/memory"),
        (['daemon={"resources":{"limits":{"memory":"512"}}}'], "/daemon/resources/limits/memory"),
        (
            ['daemon={"resources":{"requests":{"memory":"2Gi"},"limits":{"memory":"1900Mi"}}}'],
            "daemon.resources.limits.memory is 1900Mi, less than requests.memory, which is 2Gi",
        ),
        (
            ['codeLocations={"quality":{"run":{"resources":{"limits":{"cpu":"90m"}}}}}'],
            "codeLocations.quality.run.resources.limits.cpu is 90m, less than requests.cpu",
        ),
        (['ingress={"enabled":true,"host":"https://a.example.org"}'], "/ingress/host"),
        (['dagster={"image":{"repository":"team/dagster:1"}}'], "/dagster/image/repository"),
        (['daemon={"tolerations":[{"effect":"NoScedule"}]}'], "/daemon/tolerations/0/effect"),
        (['daemon={"affinity":{"nodeAffinty":{}}}'], "'nodeAffinty' not allowed"),
        (['codeLocationDefaults={"run":{"labels":{"a":"b c"}}}'], "/run/labels/a"),
        (['stack={"env":{"DLT_DESTNATION":"duckdb"}}'], "stack.env.DLT_DESTNATION: the stack has"),
        (['codeLocations={"quality":{"env":{"GE_FOO":"x"}}}'], "GE_FOO: the stack has no such"),
        (['stack={"env":{"COMPUTE_PROFILE":"big"}}'], "expected one of high_memory, standard"),
        (['stack={"env":{"AIRBYTE_PORT":"no"}}'], 'AIRBYTE_PORT is "no": expected a whole'),
        (['stack={"env":{"RUN_EXECUTOR":"k8s-job"}}'], "use codeLocations.<name>.executor"),
        (
            ['codeLocations={"catalog":{"secret":{"AIRBYTE_PASSWORD":"x"}}}'],
            "set it in codeLocations.ingestion",
        ),
        (
            [
                'codeLocations={"catalog":{"env":{"DATAHUB_FILE":"x"},"secret":{"DATAHUB_FILE":"y"}}}'
            ],
            "codeLocations.catalog has DATAHUB_FILE in env and in secret",
        ),
        (['backup={"enabled":true}'], "backup.enabled is true, but backup.url is empty"),
        (['restore={"from":"latest"}'], "restore.from is set, but backup.url is empty"),
        (['backup={"enabled":true,"url":"/backups"}'], "/backup/url"),
        (
            ['backup={"enabled":true,"url":"s3://freelancer-data-stack/b"}'],
            "the stack's own folder",
        ),
        (['backup={"recipient":"AGE-SECRET-KEY-1A"}'], "/backup/recipient"),
        (['backup={"schedule":"daily"}'], "/backup/schedule"),
        (['backup={"enabled":true,"url":"s3://b","accessKeyId":"k"}'], "go together"),
        (
            ['backup={"enabled":true,"url":"s3://b","accessKeyId":"k","existingSecret":"y"}'],
            "not both",
        ),
        (['restore={"from":"/etc/passwd"}'], "/restore/from"),
        (['stack={"env":{"BACKUP_URL":"s3://b"}}'], "the chart sets that variable itself: use"),
        (['httpRoute={"enabled":true}'], "httpRoute.hostnames or httpRoute.parentRefs is empty"),
        ([OIDC, WILDCARD_ROUTE], "the UI's host is *.example.org"),
        ([OIDC, 'ingress={"enabled":true,"host":"*.example.org"}'], "set auth.oidc.redirectUrl"),
        (['service={"ipFamilies":["IPv6","IPv4"]}'], "service.ipFamilyPolicy is empty"),
        (
            ['service={"ipFamilyPolicy":"SingleStack","ipFamilies":["IPv6","IPv4"]}'],
            "service.ipFamilyPolicy is SingleStack",
        ),
        (['service={"ipFamilies":["ipv6"]}'], "/service/ipFamilies"),
        (['helmTest={"location":""}'], "/helmTest/location"),
        (['codeLocations={"trial":{}}'], "codeLocations.trial: that name is taken"),
        (['s3={"image":{"digest":"sha256:short"}}'], "/s3/image/digest"),
        (['postgresql={"image":{"digest":"sha256:short"}}'], "/postgresql/image/digest"),
        (
            ['auth={"oidc":{"proxy":{"image":{"digest":"sha256:short"}}}}'],
            "/auth/oidc/proxy/image/digest",
        ),
        (['backup={"schedule":"99 2 * * *"}'], "/backup/schedule"),
        (
            ['networkPolicy={"ingressFrom":[{"ipBlock":{"cidr":"10.0.0.0/33"}}]}'],
            "/networkPolicy/ingressFrom/0/ipBlock/cidr",
        ),
        (['stack={"region":"us east"}'], "/stack/region"),
        (['helmTest={"location":"qualty"}'], "helmTest.location is qualty, which is none of"),
        (
            ['observability={"enabled":false,"podMonitor":{"enabled":true}}'],
            "observability.podMonitor.enabled is true, but observability.enabled is false",
        ),
        (
            ['webserver={"replicas":2,"podDisruptionBudget":{"enabled":true,"minAvailable":2}}'],
            "minAvailable is 2 of 2 pods",
        ),
        (
            ['codeLocations={"catalog":{"secret":{"DATAHUB_GMS_TOKEN":1234567890}}}'],
            "DATAHUB_GMS_TOKEN is a number, of which YAML may have dropped digits",
        ),
        (['stack={"env":{"GITHUB_REPO":12345678901234567890}}'], "put it in quotes"),
    ],
)
def test_contradictions_and_typing_errors_are_refused(settings: list[str], says: str):
    with pytest.raises(RenderError) as refused:
        manifests("default", *settings)
    assert says in str(refused.value)


@pytest.mark.parametrize("part", ["webserver", "daemon", "observability", "proxy", "quality"])
@pytest.mark.parametrize(
    ("added", "says"),
    [
        (
            '"extraEnv":[{"name":"A","value":"1"},{"name":"A","value":"2"}]',
            "extraEnv has A twice",
        ),
        ('"extraEnv":[{"name":"DAGSTER_HOME","value":"/x"}]', "the chart sets DAGSTER_HOME itself"),
        (
            '"extraVolumes":[{"name":"a","emptyDir":{}},{"name":"a","emptyDir":{}}]',
            "the pod has a volume a already",
        ),
        ('"extraVolumeMounts":[{"name":"b","mountPath":"/b"}]', "the pod has no volume b"),
        (
            '"sidecars":[{"name":"c","image":"i"}],"initContainers":[{"name":"c","image":"i"}]',
            "the pod has a container c already",
        ),
        (
            '"podLabels":{"app.kubernetes.io/name":"x"}',
            "the chart sets app.kubernetes.io/name itself",
        ),
    ],
)
def test_what_is_added_to_pods_twice_or_in_vain_is_refused(part: str, added: str, says: str):
    settings = {
        "proxy": f'auth={{"oidc":{{"proxy":{{{added}}}}}}}',
        "quality": f'codeLocations={{"quality":{{{added}}}}}',
    }
    with pytest.raises(RenderError) as refused:
        manifests("default", settings.get(part, f"{part}={{{added}}}"))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("part", "added", "says"),
    [
        ("webserver", '"extraVolumes":[{"name":"scratch","emptyDir":{}}]', "a volume scratch"),
        ("daemon", '"sidecars":[{"name":"daemon","image":"i"}]', "a container daemon"),
        ("observability", '"initContainers":[{"name":"wait-for-schema","image":"i"}]', "wait-for"),
    ],
)
def test_names_that_a_pod_has_already_are_refused(part: str, added: str, says: str):
    with pytest.raises(RenderError) as refused:
        manifests("default", f"{part}={{{added}}}")
    assert says in str(refused.value)


def test_a_whole_number_is_its_digits_wherever_it_becomes_text():
    numbers = {
        "stack": '{"env":{"GITHUB_REPO":123456789}}',
        "daemon": '{"heartbeatToleranceSeconds":2592000}',
        "schema": '{"timeoutSeconds":2592000}',
        "helmTest": '{"timeoutSeconds":2592000}',
    }
    text = str(manifests("default", *(f"{key}={value}" for key, value in numbers.items())))
    assert "e+0" not in text
    assert text.count("2592000") > 3
    assert "123456789" in text


def test_pods_that_scale_have_their_disruption_budget():
    scales = '"autoscaling":{"enabled":true,"minReplicas":2}'
    found = objects("default", f'webserver={{{scales},"podDisruptionBudget":{{"enabled":true}}}}')
    assert "PodDisruptionBudget" in {made["kind"] for made in found}


@pytest.mark.parametrize(
    "settings",
    [
        'codeLocations={"ingestion":{"secret":{"CRM_TOKEN":"x"}}}',  # a configured source's own
        'stack={"env":{"HTTPS_PROXY":"http://proxy:3128","COMPUTE_PROFILE":"high_memory"}}',
        'daemon={"resources":{"requests":{"cpu":0.5,"memory":"1G"},"limits":{"memory":"1Gi"}}}',
        'codeLocations={"ingestion":{"run":{"resources":{"limits":{"nvidia.com/gpu":1}}}}}',
        'daemon={"resources":{"limits":null}}',
        'codeLocations={"quality":null}',
        'service={"ipFamilyPolicy":"PreferDualStack","ipFamilies":["IPv6","IPv4"]}',
        's3={"image":{"tag":"latest"}}',  # kept from 0.2.0 by --reuse-values
        'stack={"env":{"GITHUB_REPO":"{{ .Release.Name }}/books"}}',
        'backup={"schedule":"*/15 1-5,8 1 JAN-MAR MON-FRI"}',
        'webserver={"extraVolumeMounts":[{"name":"scratch","mountPath":"/x","subPath":"x"}]}',
    ],
)
def test_what_operators_set_renders(settings: str):
    assert manifests("default", settings)


def test_without_helm_the_tests_say_what_they_need(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HELM_BIN", raising=False)
    with pytest.raises(FileNotFoundError, match="HELM_BIN"):
        helm("version")

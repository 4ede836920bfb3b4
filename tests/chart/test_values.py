"""Values, schema and page agree; contradictory values are refused with a reason."""

import json
from pathlib import Path

import pytest
import yaml

from chart.rendering import CHART, NEWEST, SCENARIOS, RenderError, helm, manifests, objects, one
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


# Objects of others, whose keys are all optional.
OTHERS = {"resources", "affinity", "dnsConfig", "hostAliases", "containers", "connection"}
REQUIRED = yaml.safe_load((CHART / "files" / "required.yaml").read_text())


def resolve(schema):
    name = schema.get("$ref", "").rpartition("/")[2]
    return {} if name in OTHERS else SCHEMA["$defs"][name] if name else schema


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
        (["daemon=null"], "daemon: null or missing"),
        (['instance={"poolLimit":null}'], "instance.poolLimit: null or missing"),
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
        # Variables, as the settings read them
        (['stack={"env":{"COMPUTE_PROFILE":"HIGH_MEMORY"}}'], "expected one of high_memory"),
        (['stack={"env":{"RETENTION_RUN_DAYS":-1}}'], 'RETENTION_RUN_DAYS is "-1": expected 0'),
        (['stack={"env":{"WAREHOUSE_THREADS":"all"}}'], "expected a whole number"),
        (['stack={"env":{"WAREHOUSE_MEMORY_LIMIT":"2G"}}'], "DuckDB memory limit such as 2GB"),
        (['stack={"env":{"PARTITIONS_START":"01/02/2024"}}'], "YYYY-MM-DD"),
        (
            ['codeLocations={"ingestion":{"env":{"AIRBYTE_POLL_SECONDS":0}}}'],
            "expected more than 0",
        ),
        (
            ['observability={"env":{"NOTIFY_TIMEZONE":"Europe/Berln"}}'],
            "expected a name of the tz database",
        ),
        (['codeLocations={"catalog":{"secret":{"DATAHUB_GMS_TOKEN":""}}}'], "TOKEN is empty"),
        # URLs, hosts and addresses
        (['stack={"env":{"HTTPS_PROXY":"http://u:p w@proxy"}}'], "stack.env.HTTPS_PROXY is no URL"),
        (
            ['stack={"env":{"OTEL_EXPORTER_OTLP_ENDPOINT":"http://x:abc"}}'],
            "OTEL_EXPORTER_OTLP_ENDPOINT is no URL",
        ),
        (
            [OWN_POSTGRES % ',"password":"x","lakeCatalogUrl":"postgresql://u:p%zz@db/l"'],
            "postgresql.external.lakeCatalogUrl is no URL",
        ),
        (
            ['postgresql={"enabled":false,"external":{"host":"db:5432","existingSecret":"y"}}'],
            "/postgresql/external/host",
        ),
        ([OWN_POSTGRES % ',"existingSecret":"y","params":{"sslmod":"require"}'], "'sslmod' not"),
        (
            ['s3={"enabled":false,"external":{"endpointUrl":"https://s3.example.org:99999"}}'],
            "/s3/external/endpointUrl",
        ),
        (['ingress={"enabled":true,"host":"10.0.0.1"}'], "/ingress/host"),
        (
            ['daemon={"hostAliases":[{"ip":"999.1.1.1","hostnames":["a"]}]}'],
            "/daemon/hostAliases/0/ip",
        ),
        # What would be left out
        (
            [OWN_POSTGRES % ',"existingSecret":"y"', 'postgresql.dagsterPassword="x"'],
            "use postgresql.external.password",
        ),
        (['s3={"enabled":false,"secretAccessKey":"x"}'], "use s3.external.secretAccessKey"),
        (['auth={"oidc":{"roles":{"admin":["a"]}}}'], "auth.oidc is set, but auth.mode is basic"),
        (['postgresql={"external":{"params":{"sslmode":"require"}}}'], "external is set too"),
        # Secrets, which aren't shown
        (
            [OWN_POSTGRES % ',"password":"x\\n","lakeCatalogUrl":"postgresql://u@db/l"'],
            "postgresql.external.password begins or ends with blanks or a line break",
        ),
        (
            [OWN_POSTGRES % ',"password":"x","lakeCatalogUrl":"u:p@db/l"'],
            "lakeCatalogUrl doesn't begin with postgresql://",
        ),
        (
            ['observability={"notify":{"urls":["ops@example.org"],"egress":[{}]}}'],
            "observability.notify.urls[0] is no URL of Apprise",
        ),
        (['stack={"env":{"GITHUB_REPO":"{{ .Release.Name"}}'], "GITHUB_REPO has {{ without }}"),
        # A provider's client
        ([OIDC, 'auth.oidc.emailDomains=["@example.org"]'], "/auth/oidc/emailDomains/0"),
        ([OIDC, 'auth.oidc.redirectUrl="https://a.example.org/"'], "/auth/oidc/redirectUrl"),
        (
            [OIDC, 'auth.oidc.issuerUrl="https://a.org/.well-known/openid-configuration"'],
            "leave that out",
        ),
        # Backups
        (['backup={"schedule":"0 2 * * 7"}'], "/backup/schedule"),
        (['backup={"schedule":"0 2 * * FRI-MON"}'], "the range FRI-MON, which ends before"),
        (['backup={"testSchedule":"99 0 1 * *"}'], "/backup/testSchedule"),
        (
            [
                'backup={"url":"s3://b"}',
                'restore={"from":"freelancer-data-20260101T000000Z.tar.gz.age"}',
            ],
            "restore.identitySecret is empty",
        ),
        # Names and images
        (['fullnameOverride="1stack"'], "/fullnameOverride"),
        ([f'fullnameOverride="{"a" * 64}"'], "/fullnameOverride"),
        (['postgresql={"image":{"tag":""}}'], "postgresql.image.tag and"),
        (['dagster={"image":{"repository":""}}'], "/dagster/image/repository"),
        (['extraObjects=["kind: ConfigMap"]'], "extraObjects[0] is no object of Kubernetes"),
        (['extraObjects=[{"apiVersion":"v1","kind":"ConfigMap","metadata":{}}]'], "'name'"),
        # Amounts
        (['daemon={"resources":{"limits":{"cpu":500}}}'], "write 500m for thousandths"),
        (['daemon={"resources":{"requests":{"memory":"512k"}}}'], "in which no program starts"),
        (
            ['codeLocations={"quality":{"run":{"resources":{"requests":{"nvidia.com/gpu":1}}}}}'],
            "quality.run.resources.requests.nvidia.com/gpu is not limits.nvidia.com/gpu",
        ),
        (
            [
                'codeLocations={"quality":{"enabled":false,"resources":{"limits":{"memory":"99Mi"}}}}'
            ],
            "codeLocations.quality.resources.limits.memory is 99Mi, less than",
        ),
        (['backup={"resources":{"limits":{"memory":"99Mi"}}}'], "backup.resources.limits.memory"),
        # The webserver's pods
        (
            [
                'webserver={"replicas":2,"podDisruptionBudget":{"enabled":true,"minAvailable":"51%"}}'
            ],
            "minAvailable is 51% of 2 pods",
        ),
        (
            [
                'webserver={"autoscaling":{"enabled":true},"resources":{"requests":null,"limits":null}}'
            ],
            "webserver.resources.requests.cpu is empty",
        ),
        # The network
        (
            ['networkPolicy={"ingressFrom":[{"ipBlock":{"cidr":"10.0.0.0/8"},"podSelector":{}}]}'],
            "/networkPolicy/ingressFrom/0",
        ),
        (
            ['networkPolicy={"extraEgress":[{"ports":[{"port":90,"endPort":80}]}]}'],
            "networkPolicy.extraEgress has endPort 80, less than its port 90",
        ),
        (
            ['codeLocations={"quality":{"egress":[{"ports":[{"port":"http","endPort":80}]}]}}'],
            "codeLocations.quality.egress has an endPort",
        ),
        # Labels
        (
            ['observability={"dashboards":{"enabled":true,"labels":{"helm.sh/chart":"x"}}}'],
            "observability.dashboards.labels: the chart sets",
        ),
        (
            ['codeLocations={"quality":{"run":{"labels":{"freelancer-data-stack/location":"x"}}}}'],
            "codeLocations.quality.run.labels: the chart sets",
        ),
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
        ('"podAnnotations":{"checksum/config":"x"}', "the chart sets checksum/config itself"),
        (
            '"extraEnv":[{"name":"A","value":"1","valueFrom":{"fieldRef":{"fieldPath":"x"}}}]',
            "A has a value and a valueFrom",
        ),
        ('"extraEnv":[{"name":"A","valueFrom":{"secretKey":{}}}]', "'secretKey' not allowed"),
        ('"extraVolumes":[{"name":"a","configmap":{"name":"a"}}]', "'configmap' not allowed"),
        (
            '"extraVolumes":[{"name":"a","emptyDir":{}}],"extraVolumeMounts":'
            '[{"name":"a","mountPath":"/a"},{"name":"a","mountPath":"/a/"}]',
            "something is mounted at /a/ already",
        ),
        (
            '"sidecars":[{"name":"c","image":"i","volumeMounts":[{"name":"v","mountPath":"/v"}]}]',
            "sidecars, container c, volumeMounts: the pod has no volume v",
        ),
        ('"sidecars":[{"name":"c","image":"i","comand":["x"]}]', "'comand' not allowed"),
        (
            '"sidecars":[{"name":"c","image":"i","livenessProbe":{"httpGet":{"prt":80}}}]',
            "'prt' not allowed",
        ),
        ('"tolerations":[{"key":"a","operator":"Exists","value":"b"}]', "Exists tolerates any"),
        ('"tolerations":[{"effect":"NoSchedule"}]', "tolerations[0] has no key"),
        (
            '"topologySpreadConstraints":'
            '[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway","minDomains":2}]',
            "minDomains, which go with whenUnsatisfiable DoNotSchedule",
        ),
        (
            '"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[]}}',
            "got array, want object",
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
        ("webserver", '"extraEnv":[{"name":"WEBSERVER_AUTH","value":"none"}]', "use auth.mode"),
        (
            "daemon",
            '"extraVolumeMounts":[{"name":"scratch","mountPath":"/tmp"}]',
            "something is mounted at /tmp already",
        ),
        (
            "observability",
            '"metrics":{"scrapeAnnotations":true},"podAnnotations":{"prometheus.io/port":"1"}',
            "the chart sets prometheus.io/port itself",
        ),
    ],
)
def test_names_that_a_pod_has_already_are_refused(part: str, added: str, says: str):
    with pytest.raises(RenderError) as refused:
        manifests("default", f"{part}={{{added}}}")
    assert says in str(refused.value)


@pytest.mark.parametrize("release", ["1st", "my.stack"])
def test_a_release_whose_services_could_have_no_such_name_is_refused(release: str):
    with pytest.raises(RenderError, match="set fullnameOverride"):
        helm("template", release, str(CHART), "--kube-version", NEWEST)


def null(paths: list[str]) -> list[str]:
    """Settings that take away all of these keys."""
    taken: dict = {}
    for path in paths:
        *parents, last = path.split(".")
        part = taken
        for parent in parents:
            part = part.setdefault(parent, {})
        part[last] = None
    return [f"{key}={json.dumps(value)}" for key, value in taken.items()]


def test_every_key_that_is_needed_is_named_when_null_takes_it_away():
    parts = {path.rpartition(".")[0] for path in REQUIRED}
    single = [path for path in REQUIRED if path not in parts]
    for paths in single, [path for path in REQUIRED if "." not in path]:
        with pytest.raises(RenderError) as refused:
            manifests("default", *null(paths))
        said = str(refused.value).partition("first.yaml:2:4): ")[2].partition(": null")[0]
        assert sorted(said.split(", ")) == sorted(paths)
        assert "--reset-then-reuse-values" in str(refused.value)


def test_every_other_key_may_be_null():
    def keys(values, path=()):
        for key, value in values.items():
            yield (name := ".".join((*path, key)))
            if name in REQUIRED and isinstance(value, dict) and key != "codeLocations":
                yield from keys(value, (*path, key))

    others = [path for path in keys(VALUES) if path not in REQUIRED]
    assert len(others) > 50
    assert manifests("default", *null(others))


def test_values_are_judged_before_a_template_can_fail():
    with pytest.raises(RenderError) as refused:
        manifests("default", 'stack={"env":{"HTTPS_PROXY":"http://x:y"}}')
    assert str(refused.value).startswith("Error: execution error at (")
    assert "templates/validate/values/first.yaml" in str(refused.value)


def test_an_image_that_names_its_registry_is_taken_as_it_is():
    text = manifests("default", 'dagster={"image":{"repository":"ghcr.io/acme/dagster"}}')
    assert "image: ghcr.io/acme/dagster:" in text
    assert "localhost:5000/freelancer-data-stack/quality:" in text


def test_a_location_with_a_hyphen_has_a_module_that_python_can_name():
    text = manifests("default", 'codeLocations={"cash-flow":{}}')
    assert "--module-name=cash_flow.definitions" in text


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ('"requests":{"ephemeral-storage":"20Gi"}', "20Gi"),
        ('"limits":{"ephemeral-storage":"32Mi"}', "32Mi"),
    ],
)
def test_what_a_pod_requests_of_the_disk_is_no_more_than_its_limit(asked: str, size: str):
    found = objects("default", f'daemon={{"resources":{{{asked}}}}}')
    daemon = one(found, "Deployment", "daemon")["spec"]["template"]["spec"]["containers"][0]
    sizes = {part["ephemeral-storage"] for part in daemon["resources"].values()}
    assert sizes == {size}


def test_a_pods_security_context_may_say_what_the_chart_says():
    own = '{"runAsNonRoot":true,"seLinuxOptions":{"level":"s0:c1"},"runAsUser":1000680000}'
    found = objects("default", f"podSecurityContext={own}")
    pod = one(found, "Deployment", "daemon")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
        "seLinuxOptions": {"level": "s0:c1"}, "runAsUser": 1000680000,
        "runAsGroup": 10001, "fsGroup": 10001,
    }  # fmt: skip


def test_a_whole_number_is_its_digits_wherever_it_becomes_text():
    numbers = {
        "stack": '{"env":{"RETENTION_RUN_DAYS":123456789}}',
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
        'stack={"env":{"HTTPS_PROXY":"http://user:p%40ss@proxy:3128","COMPUTE_PROFILE":""}}',
        'stack={"env":{"HTTPS_PROXY":"proxy.example.org:3128","WAREHOUSE_THREADS":4}}',
        'observability={"env":{"NOTIFY_TIMEZONE":"Etc/UTC","NOTIFY_DIGEST_AT":"7:30"}}',
        'observability={"podMonitor":{"enabled":true,"interval":"1m30s"}}',
        'backup={"enabled":true,"url":"s3://backups","schedule":"@yearly","testSchedule":""}',
        'extraObjects=["apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: x}\\n"]',
        'daemon={"tolerations":[{"operator":"Exists"},{"key":"a","value":"b"}]}',
        'daemon={"extraVolumes":[{"name":"a","projected":{"sources":[]}},{"name":"b","emptyDir":{}}]}',
        'daemon={"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":'
        '{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Gt","values":["4"]}]}]}}}}',
        'helmTest={"enabled":false,"location":"none-of-them"}',
    ],
)
def test_what_operators_set_renders(settings: str):
    assert manifests("default", settings)


def test_without_helm_the_tests_say_what_they_need(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HELM_BIN", raising=False)
    with pytest.raises(FileNotFoundError, match="HELM_BIN"):
        helm("version")

"""What each scenario's objects tell Dagster and Kubernetes."""

import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config_schema

from chart.environments import LOCATIONS
from chart.rendering import (
    NAME,
    SCENARIOS,
    contexts,
    environment,
    manifests,
    objects,
    one,
    run_pods,
    secrets_of,
)
from pods.web_guard import Authority, Hosts
from stack.warehouse.connection import ATTENTIVE


def config_file(found, name):
    return yaml.safe_load(one(found, "ConfigMap", "instance")["data"][name])


def container(found, kind, name):
    return one(found, kind, name)["spec"]["template"]["spec"]["containers"][0]


def checksums(found, name):
    return one(found, "Deployment", name)["spec"]["template"]["metadata"]["annotations"]


def secret(found, name):
    return one(found, "Secret", name)["stringData"]


def jobs(found, component):
    jobs = [o for o in found if o["kind"] == "Job"]
    return [j for j in jobs if j["metadata"]["labels"]["app.kubernetes.io/component"] == component]


def job_name(found):
    [job] = jobs(found, "schema")
    return job["metadata"]["name"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_dagster_accepts_the_instances_files(scenario, monkeypatch):
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "x")
    found = objects(scenario)
    for name in ("dagster.yaml", "storage.yaml", "migration.yaml"):
        result = process_config(dagster_instance_config_schema(), config_file(found, name))
        assert result.success, (name, result.errors)


def test_queue_pools_monitoring_and_logs_follow_the_values():
    changed = 'instance={"maxConcurrentRuns":3,"poolLimit":2,"maxRuntimeSeconds":60}'
    config = config_file(objects("default", changed), "dagster.yaml")
    assert config["concurrency"]["runs"]["max_concurrent_runs"] == 3
    assert config["concurrency"]["pools"] == {"granularity": "run", "default_limit": 2}
    assert config["run_monitoring"]["max_runtime_seconds"] == 60
    assert config["run_launcher"]["config"]["job_namespace"] == "data"
    logs = config_file(objects("external"), "dagster.yaml")["compute_logs"]["config"]
    assert (logs["bucket"], logs["prefix"]) == ("acme-data", "stack/prod/compute-logs")
    assert (logs["endpoint_url"], logs["use_ssl"]) == ("https://s3.example.org", True)


def test_only_the_schema_job_may_make_tables():
    found = objects()
    may = {
        name: config_file(found, name)["storage"]["postgres"]["should_autocreate_tables"]
        for name in ("dagster.yaml", "storage.yaml", "migration.yaml")
    }
    assert may == {"dagster.yaml": False, "storage.yaml": False, "migration.yaml": True}
    for deployment in [o for o in found if o["kind"] == "Deployment"]:
        wait = deployment["spec"]["template"]["spec"]["initContainers"][0]
        assert wait["command"][-1] == "wait"
        # The waiting container runs the image that will read.
        assert wait["image"] == deployment["spec"]["template"]["spec"]["containers"][0]["image"]


def test_another_image_or_database_makes_another_schema_job():
    names = {
        job_name(objects()),
        job_name(objects("default", 'dagster={"image":{"tag":"2"}}')),
        job_name(objects("default", 'fullnameOverride="other"')),
        job_name(objects("external")),
    }
    assert len(names) == 4
    assert job_name(objects("default", "webserver.replicas=2")) == job_name(objects())


def test_workspace_names_the_enabled_locations_by_their_services():
    found = objects("locations")
    servers = [e["grpc_server"] for e in config_file(found, "workspace.yaml")["load_from"]]
    names = [server["location_name"] for server in servers]
    assert names == ["catalog", "forecasts", "ingestion", "transformation"]
    services = {o["metadata"]["name"] for o in found if o["kind"] == "Service"}
    assert {server["host"] for server in servers} <= services
    own = container(found, "Deployment", "forecasts")
    assert own["image"] == "localhost:5000/acme/forecasts:7"
    assert "--module-name=acme.forecasts" in own["command"]


def test_runs_take_the_image_of_their_code_server_digest_first():
    found = objects("locations")
    server = container(found, "Deployment", "ingestion")
    assert server["image"].startswith("localhost:5000/freelancer-data-stack/ingestion@sha256:")
    assert environment(server)["DAGSTER_CURRENT_IMAGE"] == server["image"]
    assert "job_image" not in config_file(found, "dagster.yaml")["run_launcher"]["config"]
    assert all(
        "image" not in context["run_k8s_config"]["container_config"]
        for context in contexts(found).values()
    )


def test_credentials_of_a_location_reach_its_server_and_runs_and_nobody_else():
    found = objects("locations")
    assert secret(found, "ingestion")["GITHUB_TOKEN"] == "token-of-ingestion"
    assert secret(found, "catalog")["DATAHUB_GMS_TOKEN"] == "token-of-catalog"
    for name, pod in run_pods(found).items():
        assert secrets_of(pod) == {f"{NAME}-{name}"}
    everywhere = [o for o in found if "token-of-ingestion" in str(o)]
    assert [o["metadata"]["name"] for o in everywhere] == [f"{NAME}-ingestion"]


def test_existing_secrets_leave_no_credential_in_the_release():
    found = objects("existing-secrets")
    assert all(o.get("stringData") is None for o in found if o["kind"] == "Secret")
    expected = {"own-postgres", "own-s3"}
    for name, pod in run_pods(found).items():
        extra = {"ingestion": {"own-ingestion"}, "catalog": {"own-catalog"}}.get(name, set())
        assert secrets_of(pod) == {f"{NAME}-{name}"} | expected | extra
        # Only single keys of shared ones.
        [run] = pod["containers"]
        whole = {e["secretRef"]["name"] for e in run["envFrom"] if "secretRef" in e}
        assert not whole & expected


def test_external_stores_leave_no_bundled_one():
    found = objects("external")
    assert not [o for o in found if o["kind"] == "StatefulSet"]
    storage = config_file(found, "dagster.yaml")["storage"]["postgres"]["postgres_db"]
    assert (storage["hostname"], storage["port"]) == ("db.example.org", 5433)
    assert storage["params"] == ATTENTIVE | {"sslmode": "require", "connect_timeout": 5}
    assert secret(found, "quality")["DAGSTER_PG_PASSWORD"] == "p@ss word"
    env = one(found, "ConfigMap", "env")["data"]
    assert env["DUCKLAKE_DATA_URL"] == "s3://acme-data/stack/prod/lake"
    assert one(found, "ConfigMap", "ingestion")["data"]["BOOKS_URL"] == (
        "s3://acme-data/stack/prod/exports/books"
    )


def test_a_lost_database_is_noticed_unless_values_say_otherwise():
    def params(*settings):
        storage = config_file(objects(*settings), "dagster.yaml")["storage"]
        return storage["postgres"]["postgres_db"]["params"]

    assert params("default") == ATTENTIVE
    key = "postgresql.external.params"
    assert "tcp_user_timeout" not in params("external", f'{key}={{"tcp_user_timeout":null}}')
    assert params("external", f"{key}=null") == ATTENTIVE
    assert "--db-pool-recycle=1" in container(objects(), "Deployment", "webserver")["command"]


def test_pods_and_runs_carry_and_go_where_a_platform_team_says():
    found = objects("placed")
    deployments = [o for o in found if o["kind"] == "Deployment"]
    templates = [o["spec"]["template"] for o in deployments]
    templates += [
        {"spec": pod, "metadata": contexts(found)[name]["run_k8s_config"][
            "pod_template_spec_metadata"
        ]}
        for name, pod in run_pods(found).items()
    ]  # fmt: skip
    assert len(templates) == 3 + 2 * len(LOCATIONS)
    for template in templates:
        spec, metadata = template["spec"], template["metadata"]
        main, *beside = spec["containers"]
        is_run = main["name"] == "run"
        assert [c["name"] for c in beside] == ([] if is_run else ["beside"])
        assert is_run or spec["initContainers"][-1]["name"] == "before"
        assert spec["hostAliases"] == [{"ip": "10.1.2.3", "hostnames": ["db.example.org"]}]
        assert spec["dnsConfig"] == {"options": [{"name": "ndots", "value": "2"}]}
        assert metadata["labels"]["team"] == "data"
        assert metadata["annotations"]["example.org/scrape"] == "true"
        assert spec["priorityClassName"] in {"high", "low"}
        assert {"name": "TZ", "value": "UTC"} in main["env"]
        assert "ca" in {volume["name"] for volume in spec["volumes"]}
        assert "/ca" in {mount["mountPath"] for mount in main["volumeMounts"]}
    secrets = [{"name": "registry"}, {"name": "mirror"}]
    assert all(o["spec"]["template"]["spec"]["imagePullSecrets"] == secrets for o in deployments)
    webserver = one(found, "Deployment", "webserver")["spec"]
    [spread] = webserver["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"] == webserver["selector"]
    [budget] = [o for o in found if o["kind"] == "PodDisruptionBudget"]
    assert budget["spec"]["selector"] == webserver["selector"]
    assert [o for o in found if o["metadata"]["name"] == "prod-ca"]
    assert "replicas" not in webserver
    scaler = one(found, "HorizontalPodAutoscaler", "webserver")["spec"]
    assert scaler["scaleTargetRef"]["name"] == f"{NAME}-webserver"
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 4)


def test_a_route_of_a_gateway_leads_to_the_webserver_which_knows_its_host():
    gateway = '"hostnames":["data.example.org"],"parentRefs":[{"name":"gateway"}]'
    found = objects("default", f'httpRoute={{"enabled":true,{gateway}}}')
    [route] = [o for o in found if o["kind"] == "HTTPRoute"]
    [backend] = route["spec"]["rules"][0]["backendRefs"]
    service = one(found, "Service", "webserver")
    assert backend == {"name": f"{NAME}-webserver", "port": service["spec"]["ports"][0]["port"]}
    allowed = environment(container(found, "Deployment", "webserver"))["WEBSERVER_ALLOWED_HOSTS"]
    assert "data.example.org" in allowed.split(",")


def test_one_webserver_has_no_budget_that_would_hold_up_a_drain():
    found = objects("default", 'webserver={"podDisruptionBudget":{"enabled":true}}')
    assert not [o for o in found if o["kind"] == "PodDisruptionBudget"]


def test_sample_data_goes_into_the_bundled_store_alone():
    [job] = jobs(objects(), "sample-data")
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["command"][-1] == "s3://freelancer-data-stack/exports/books"
    for scenario in ("external", "existing-secrets", "iam-roles"):
        assert not jobs(objects(scenario, 'sampleData={"enabled":true}'), "sample-data")
    assert not jobs(objects("default", 'sampleData={"enabled":false}'), "sample-data")


def test_passwords_of_the_bundled_stores_are_stable_and_differ_by_release_and_namespace():
    def passwords(**options):
        found = objects("default", 'fullnameOverride="x"', **options)
        [held] = [o for o in found if o["kind"] == "Secret" and "postgresql" in str(o["metadata"])]
        return held["stringData"]["dagster-password"]

    made = {passwords(), passwords(release="dev"), passwords(namespace="other")}
    assert len(made) == 3


def test_password_with_special_characters_survives_in_the_url():
    found = objects("default", 'postgresql={"lakePassword":"a b@c/d"}')
    url = secret(found, "quality")["DUCKLAKE_CATALOG_URL"]
    assert url.startswith("postgresql://lake:a%20b%40c%2Fd@")
    assert secret(found, "postgresql")["lake-password"] == "a b@c/d"


def test_ui_is_served_under_its_prefix_at_probes_and_ingress():
    found = objects("ingress-path-prefix")
    web = container(found, "Deployment", "webserver")
    assert "--path-prefix=/dagster" in web["command"]
    probes = [web[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness")]
    assert probes == ["/-/healthy"] * 2
    [ingress] = [o for o in found if o["kind"] == "Ingress"]
    [rule] = ingress["spec"]["rules"]
    assert (rule["host"], rule["http"]["paths"][0]["path"]) == ("data.example.org", "/dagster")
    assert ingress["spec"]["tls"] == [
        {"hosts": ["data.example.org"], "secretName": "data-example-org"}
    ]


@pytest.mark.parametrize(
    ("values", "host", "may"),
    [
        ("{}", f"{NAME}-webserver.data.svc:80", True),
        ("{}", "10.1.2.3:3000", True),  # a probe
        ("{}", "localhost:3000", True),  # a port-forward
        ("{}", "data.example.org", False),
        ('{"enabled":true,"host":"data.example.org"}', "data.example.org", True),
        ('{"enabled":true,"host":"data.example.org"}', "evil.example.org", False),
        ('{"enabled":true,"host":"*.example.org"}', "data.example.org", True),
        ("{}", "lb.example.org:8080", True),  # one of allowedHosts
    ],
)
def test_ui_answers_under_its_own_names_only(values, host, may):
    found = objects("default", f"ingress={values}", 'webserver={"allowedHosts":["lb.example.org"]}')
    web = container(found, "Deployment", "webserver")
    assert web["command"][:3] == ["python", "-m", "pods.webserver"]
    [listens_at] = [part[7:] for part in web["command"] if part.startswith("--host=")]
    [allowed] = [v["value"] for v in web["env"] if v["name"] == "WEBSERVER_ALLOWED_HOSTS"]
    asked = Authority.parse(host)
    assert asked
    assert Hosts(listens_at, allowed.split(",")).has(asked) == may


def test_executor_resources_and_scheduling_reach_the_runs():
    found = objects("k8s-job-executor")
    config = one(found, "ConfigMap", "transformation")["data"]
    assert config["RUN_EXECUTOR"] == "k8s-job"
    assert '"memory":"8Gi"' in config["RUN_HIGH_MEMORY_RESOURCES"]
    assert one(found, "ConfigMap", "quality")["data"]["RUN_EXECUTOR"] == "in-process"
    run = contexts(found)["transformation"]["run_k8s_config"]
    assert run["job_spec_config"]["ttlSecondsAfterFinished"] == 60
    assert run["pod_spec_config"]["nodeSelector"] == {"disk": "fast"}
    assert run["pod_template_spec_metadata"]["labels"]["cost-centre"] == "data"


# Without a cluster to look at, each rendering draws new random ones.
KEPT = (
    'postgresql={"dagsterPassword":"kept","lakePassword":"kept"}',
    's3.secretAccessKey="kept"',
    'auth.basic.existingSecret="kept"',
)


def test_the_next_images_leave_the_bundled_stores_alone():
    before = objects("default", *KEPT)
    after = objects("default", *KEPT, 'dagster.image.tag="next"', 'image.registry="other"')
    for store in ("postgresql", "s3"):
        specs = [one(found, "StatefulSet", store)["spec"] for found in (before, after)]
        assert specs[0] == specs[1]
        assert "version" not in str(specs[0]["template"]["metadata"]["labels"])
    assert container(after, "Deployment", "daemon")["image"].endswith(":next")


@pytest.mark.parametrize(
    ("setting", "rolled"),
    [
        ('codeLocations={"quality":{"env":{"A":"b"}}}', ["quality"]),
        ('codeLocations={"quality":{"secret":{"A":"b"}}}', ["quality"]),
        ('stack={"env":{"TZ":"UTC"}}', [*LOCATIONS, "daemon", "observability", "webserver"]),
        (
            'postgresql.dagsterPassword="new"',
            [*LOCATIONS, "daemon", "observability", "webserver"],
        ),
        ('postgresql.lakePassword="new"', [*LOCATIONS, "observability"]),
        ('s3.secretAccessKey="new"', [*LOCATIONS, "daemon", "observability", "webserver"]),
        ('observability={"notify":{"urls":["json://x"],"egress":[{}]}}', ["observability"]),
        ('ingress={"enabled":true,"host":"a.example.org"}', []),
    ],
)
def test_a_change_rolls_the_pods_that_read_it(setting, rolled):
    before, after = objects("default", *KEPT), objects("default", *KEPT, setting)
    names = [*LOCATIONS, "daemon", "observability", "webserver"]
    assert [n for n in names if checksums(before, n) != checksums(after, n)] == rolled


def test_long_release_names_are_cut_and_stay_apart():
    releases = ["a" * 52 + tail for tail in "bc"]
    names = [{o["metadata"]["name"] for o in objects(release=release)} for release in releases]
    assert not names[0] & names[1]
    assert all(len(name) <= 63 for found in names for name in found)


def test_what_needs_the_bundled_store_waits_for_it_and_nothing_waits_for_yours():
    def waiting(*settings):
        kinds = {"Deployment", "Job"}
        found = [o for o in objects(*settings) if o["kind"] in kinds]
        return {
            o["metadata"]["labels"]["app.kubernetes.io/component"]
            for o in found
            for c in o["spec"]["template"]["spec"].get("initContainers", [])
            if c["name"] == "wait-for-store"
        }

    assert waiting() == {"daemon", "schema", "sample-data"}
    assert waiting("external") == set()


def test_a_container_may_fill_its_scratch_volume_and_a_little_more():
    found = objects("default", 'codeLocationDefaults={"run":{"scratchSize":"20Gi"}}')
    limits = contexts(found)["quality"]["resources"]["limits"]
    assert limits["ephemeral-storage"] == f"{21 * 1024}Mi"
    given = '{"resources":{"limits":{"ephemeral-storage":"3Gi"}}}'
    daemon = container(objects("default", f"daemon={given}"), "Deployment", "daemon")
    assert daemon["resources"]["limits"]["ephemeral-storage"] == "3Gi"


@pytest.mark.parametrize("component", ["schema", "sample-data"])
def test_a_job_that_differs_has_another_name_since_none_can_be_changed(component):
    tried = [
        jobs(objects("default", setting), component)[0]
        for setting in (
            "webserver.replicas=1",
            'dagster={"image":{"tag":"2"}}',
            'schema={"resources":{"limits":{"memory":"600Mi"}}}',
            'image={"pullSecrets":["registry"]}',
            'podSecurityContext={"runAsUser":20000}',
        )
    ]
    templates = {str(job["spec"]["template"]) for job in tried}
    assert len(templates) == len(tried) == len({job["metadata"]["name"] for job in tried})


def server_id(found, location="catalog"):
    """The id that a location's code servers report; without one, each reports another."""
    flag = "--fixed-server-id="
    command = container(found, "Deployment", location)["command"]
    ids = [part.removeprefix(flag) for part in command if part.startswith(flag)]
    return ids[0] if ids else None


def test_replicas_of_a_location_are_one_server_to_the_webserver_until_they_change():
    def of(*settings):
        replicas = "codeLocations.catalog.replicas=2"
        return server_id(objects("default", *KEPT, replicas, *settings))

    first = of()
    assert first
    assert of('daemon={"nodeSelector":{"a":"b"}}') == first
    digest = f'codeLocations.catalog.image={{"digest":"sha256:{"1" * 64}"}}'
    assert len({first, of(digest), of('codeLocations.catalog.env={"DATAHUB_FILE":"x.json"}')}) == 3
    assert server_id(objects("default", *KEPT)) is None


def test_the_commit_of_an_image_changes_nothing():
    commit = f'codeLocations.quality.image.commit="{"a" * 40}"'
    assert manifests("default", *KEPT, commit) == manifests("default", *KEPT)

"""The observer's objects: its rights, who reaches it, what is optional."""

import json

import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config_schema

from chart.network import ELSEWHERE, Place, allows, places, policies_of
from chart.rendering import CHART, NAME, RenderError, environment, objects, one, secrets_of
from observability.messages.store import KEY as MESSAGES
from observability.metrics.kept import KEY as SUMS

PORT = 9101
PROMETHEUS = Place({"app": "prometheus"}, namespace="monitoring")
MONITORING = '{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"monitoring"}}}'
OPERATOR = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}


def pod(found):
    return one(found, "Deployment", "observability")["spec"]["template"]["spec"]


def variables(found):
    [container] = pod(found)["containers"]
    return environment(container)


def role(found):
    files = one(found, "ConfigMap", "instance")["data"]
    return yaml.safe_load(files["observer.yaml"])["storage"]["postgres"]["postgres_db"]["username"]


def granted(found):
    """The role to which the schema Job grants rights."""
    [job] = [o for o in found if o["kind"] == "Job" and "-schema-" in o["metadata"]["name"]]
    return environment(job["spec"]["template"]["spec"]["containers"][0]).get("OBSERVER")


def password(found):
    reference = variables(found)["DAGSTER_PG_PASSWORD"]["secretKeyRef"]
    return reference["name"].removeprefix(f"{NAME}-"), reference["key"]


def test_it_can_be_left_out_and_nothing_of_it_stays():
    found = objects("default", "observability.enabled=false")
    assert not [o for o in found if "observability" in o["metadata"]["name"]]
    assert "observer-password" not in one(found, "Secret", "postgresql")["stringData"]
    assert "observer.yaml" not in one(found, "ConfigMap", "instance")["data"]
    assert granted(found) is None


def test_it_knows_where_backups_go_and_has_the_ingress_certificate_without_its_key():
    ingress = 'ingress={"enabled":true,"host":"data.example.org","tlsSecret":"data-tls"}'
    backup = 'backup={"enabled":true,"url":"s3://acme-backups/data"}'
    found = objects("default", ingress, backup)
    assert variables(found)["BACKUP_URL"] == "s3://acme-backups/data"
    assert variables(found)["OBSERVE_CERTIFICATES"] == "/etc/stack/certificates/data-tls/tls.crt"
    [secret] = [v["secret"] for v in pod(found)["volumes"] if v["name"] == "certificate"]
    assert secret["items"] == [{"key": "tls.crt", "path": "tls.crt"}]
    assert not {"BACKUP_URL", "OBSERVE_CERTIFICATES"} & set(variables(objects()))


def test_with_the_bundled_postgres_it_has_a_role_and_a_secret_of_its_own():
    found = objects()
    assert role(found) == granted(found) == "observer"
    assert password(found) == ("observability", "DAGSTER_PG_PASSWORD")
    held = one(found, "Secret", "observability")["stringData"]["DAGSTER_PG_PASSWORD"]
    made = one(found, "Secret", "postgresql")["stringData"]
    assert held == made["observer-password"]
    assert held not in {made["dagster-password"], made["lake-password"]}
    waits = environment(pod(found)["initContainers"][0])
    assert waits["DAGSTER_PG_PASSWORD"] == variables(found)["DAGSTER_PG_PASSWORD"]
    others = {
        name
        for o in found
        if o["kind"] in {"Deployment", "Job"} and not o["metadata"]["name"].endswith("bility")
        for name in secrets_of(o["spec"]["template"]["spec"])
    }
    assert f"{NAME}-observability" not in others


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (['postgresql={"dagsterPassword":"a","lakePassword":"b"}'], (None, "dagster")),
        (
            ['postgresql={"dagsterPassword":"a","lakePassword":"b","observerPassword":"c"}'],
            ("observer", "observability"),
        ),
        (['postgresql.existingSecret="pg"'], (None, "pg")),
        (
            ['postgresql.existingSecret="pg"', 'observability.postgresql.user="observer"'],
            ("observer", "pg"),
        ),
    ],
)
def test_where_no_password_of_its_own_can_be_had_it_reads_as_the_others_do(settings, expected):
    found = objects("default", *settings)
    assert (granted(found), password(found)[0]) == expected
    assert role(found) == (expected[0] or "dagster")


def test_a_postgres_of_your_own_may_have_a_role_for_it():
    assert granted(objects("external")) is None
    of = '{"user":"reader","existingSecret":"own","passwordKey":"pw"}'
    found = objects("external", f"observability.postgresql={of}")
    assert role(found) == granted(found) == "reader"
    assert password(found) == ("own", "pw")


def test_its_role_may_write_what_the_process_keeps():
    granted = (CHART / "files" / "schema.py").read_text()
    for key in (SUMS, MESSAGES):
        assert f'"{key}"' in granted


def test_dagster_accepts_its_file_which_has_the_limits_and_starts_nothing(monkeypatch):
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "x")
    found = objects("default", 'instance={"maxConcurrentRuns":3}')
    config = yaml.safe_load(one(found, "ConfigMap", "instance")["data"]["observer.yaml"])
    assert process_config(dagster_instance_config_schema(), config).success
    assert config["concurrency"]["runs"]["max_concurrent_runs"] == 3
    # Whether a run will be retried, and which daemons should exist.
    whole = yaml.safe_load(one(found, "ConfigMap", "instance")["data"]["dagster.yaml"])
    for key in set(config) - {"storage"}:
        assert config[key] == whole[key], key
    assert {"run_monitoring", "run_retries"} <= set(config)
    assert not {"run_launcher", "compute_logs"} & set(config)
    assert {"name": "instance", "configMap": {
        "name": f"{NAME}-instance", "items": [{"key": "observer.yaml", "path": "dagster.yaml"}],
    }} in pod(found)["volumes"]  # fmt: skip


def test_it_starts_while_the_store_is_away_since_it_is_to_tell_of_that():
    waiting = [c["name"] for c in pod(objects())["initContainers"]]
    assert waiting == ["wait-for-schema"]


def test_it_knows_where_files_lie_that_were_set_aside():
    assert variables(objects())["QUARANTINE_URL"] == "s3://freelancer-data-stack/quarantine"
    moved = 'codeLocations={"ingestion":{"env":{"QUARANTINE_URL":"s3://x/y"}}}'
    assert variables(objects("default", moved))["QUARANTINE_URL"] == "s3://x/y"
    without = objects("default", 'codeLocations={"ingestion":{"enabled":false}}')
    assert "QUARANTINE_URL" not in variables(without)


def test_channels_are_in_its_secret_and_nowhere_else():
    urls = '["mailtos://user:hush@mail.example.org","error=slack://a/b/c"]'
    found = objects("default", f'observability.notify={{"urls":{urls},"egress":[{{}}]}}')
    secret = one(found, "Secret", "observability")["stringData"]
    assert secret["NOTIFY_URLS"].split() == json.loads(urls)
    assert "hush" not in str([o for o in found if o["kind"] != "Secret"])
    [mine] = [c for c in pod(found)["containers"] if c["name"] == "observability"]
    assert {"secretRef": {"name": f"{NAME}-observability"}} in mine["envFrom"]


def test_nobody_scrapes_it_but_who_is_named():
    for found, scraped in (
        (objects(), False),
        (objects("default", f"observability.metrics.from=[{MONITORING}]"), True),
    ):
        policies, own = policies_of(found), places(found)["observability"]
        assert allows(policies, PROMETHEUS, own, PORT) is scraped
        assert not allows(policies, PROMETHEUS, own, 3000)
        for stranger in (ELSEWHERE, Place({"app": "x"}), Place({"app": "x"}, namespace="other")):
            assert not allows(policies, stranger, own, PORT)
        assert not allows(policies, PROMETHEUS, places(found)["daemon"], PORT)


def test_messages_leave_where_values_say_and_through_a_proxy():
    mail = '{"egress":[{"ports":[{"protocol":"TCP","port":587}]}],"urls":["mailtos://x"]}'
    found = objects("default", f"observability.notify={mail}")
    policies, own = policies_of(found), places(found)["observability"]
    assert allows(policies, own, ELSEWHERE, 587)
    assert not allows(policies, own, ELSEWHERE, 443)
    found = objects("default", 'observability.env={"HTTPS_PROXY":"http://proxy:3128"}')
    assert allows(policies_of(found), places(found)["observability"], ELSEWHERE, 3128)


def test_kinds_of_the_operator_are_made_when_asked_for_only():
    assert not OPERATOR & {o["kind"] for o in objects()}
    found = objects("placed")
    monitor, rules = one(found, "PodMonitor", "observability"), one(
        found, "PrometheusRule", "observability"
    )  # fmt: skip
    labels = one(found, "Deployment", "observability")["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    ports = [p["name"] for p in pod(found)["containers"][0]["ports"]]
    assert [e["port"] for e in monitor["spec"]["podMetricsEndpoints"]] == ports
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    files = [yaml.safe_load(path.read_text()) for path in sorted(CHART.glob("rules/*.yaml"))]
    assert rules["spec"]["groups"] == [group for file in files for group in file["groups"]]
    found = objects("default", "observability.serviceMonitor.enabled=true")
    service = one(found, "Service", "observability")
    monitor = one(found, "ServiceMonitor", "observability")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [e["port"] for e in monitor["endpoints"]] == ["metrics"]


def test_a_pod_that_is_scraped_by_annotation_names_its_port():
    found = objects("default", "observability.metrics.scrapeAnnotations=true")
    template = one(found, "Deployment", "observability")["spec"]["template"]
    told = template["metadata"]["annotations"]
    assert told["prometheus.io/scrape"] == "true"
    [port] = template["spec"]["containers"][0]["ports"]
    assert told["prometheus.io/port"] == str(port["containerPort"]) == str(PORT)


def test_dashboards_are_the_charts_files_labelled_for_grafana():
    assert not [o for o in objects() if "dashboard" in o["metadata"]["name"]]
    made = [o for o in objects("placed") if "dashboard" in o["metadata"]["name"]]
    texts = {name: text for o in made for name, text in o["data"].items()}
    files = {path.name: path.read_text() for path in CHART.glob("dashboards/*.json")}
    assert {name: json.loads(text) for name, text in texts.items()} == {
        name: json.loads(text) for name, text in files.items()
    }
    assert len(files) == 3
    assert all(o["metadata"]["labels"]["grafana_dashboard"] == "1" for o in made)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('observability.notify.urls=["json://x"]', "no message would get out"),
        ('observability.notify.urls=["no url"]', "observability.notify.urls.0. is no URL"),
        ('observability.env={"NOTIFY_URLS":"json://x"}', "use observability.notify.urls"),
        ('observability.env={"AIRBYTE_PORT":"1"}', "only ingestion reads that variable"),
        ('observability={"env":{"TZ":"UTC"},"secret":{"TZ":"UTC"}}', "in env and in secret"),
        ('observability.postgresql.user="x"', "no Secret has its password"),
        ('observability.postgresql.existingSecret="x"', "user is empty"),
        (
            'observability={"podMonitor":{"enabled":true},"serviceMonitor":{"enabled":true}}',
            "twice",
        ),
        ('observability.podMonitor.interval="fast"', "/observability/podMonitor/interval"),
        ('observability.resources={"limits":{"memory":"1Mi"}}', "observability.resources.limits"),
        ('codeLocations={"observability":{}}', "that name is taken"),
    ],
)
def test_what_can_not_work_is_refused(settings, says):
    with pytest.raises(RenderError, match=says):
        objects("default", settings)

"""A failure becomes a Prometheus alert and one mail that says what to do; so does its end."""

import json
import uuid

import pytest
import yaml

from cluster.conftest import lake_of
from cluster.kube import wait_for
from cluster.watching import METRICS, Mailbox, Prometheus, address, prometheus_with_rules
from stack.pipelines import FILES, INCREMENTAL_SYNC, MONITORING
from stack.storage import filesystem
from stack.warehouse.pool import WAREHOUSE_POOL

KILLED, STALE, ASIDE = "StackPipelineFailed", "StackTableStale", "StackRowsSetAside"
STUCK, AWAY, DEAD = "StackPoolStuck", "StackStoreAway", "StackDaemonDead"
LOAD_ONLY = {"option/load_only": "true"}
SOURCES = "/etc/sources"
TILL = """
kind: sql_database
name: till
url: ${DUCKLAKE_CATALOG_URL}
schema: till
tables:
  orders:
    primary_key: [id]
    freshness: {newest: sold_at, at_most: 1 hour}
"""
SELL = """
create schema if not exists till;
create table if not exists till.orders (id integer primary key, sold_at timestamp);
insert into till.orders values (1, now() at time zone 'UTC' - interval '{ago}')
on conflict (id) do update set sold_at = excluded.sold_at
"""
BACKDATE = """
update runs set create_timestamp = create_timestamp - interval '1 hour' where run_id = '{run_id}'
"""
SILENT = """
update daemon_heartbeats set body = regexp_replace(
    body, '"timestamp": [0-9.]+', '"timestamp": ' || extract(epoch from now()) - 3600
)
"""
# More than ten messages in a quarter of an hour wait, to be sent as one.
NOTHING_SENT = """
update kvs set value = jsonb_set(value::jsonb, '{channels,mailto,sent}', '[]')::text
where key = 'freelancer-data-stack/messages'
"""
LIMIT = "mutation ($pool: String!) { setConcurrencyLimit(concurrencyKey: $pool, limit: 0) }"
NO_LIMIT = "mutation ($pool: String!) { deleteConcurrencyLimit(concurrencyKey: $pool) }"


@pytest.fixture(scope="module")
def prometheus():
    """It has the chart's rules; those for the failures made here fire at once."""
    found = Prometheus(address("PROMETHEUS_URL"))
    with prometheus_with_rules({KILLED, STALE, ASIDE, STUCK, AWAY, DEAD}):
        yield found


@pytest.fixture(scope="module")
def mailbox():
    return Mailbox(address("MAILPIT_URL"), f"told-{uuid.uuid4().hex[:8]}@example.com")


@pytest.fixture(scope="module")
def told(release, mailbox, prometheus, tmp_path_factory):
    """The release, whose messages go to the mailbox and whose runs aren't retried."""
    release.namespace.kubectl("apply", "-f", "-", text=json.dumps(config_map("till.yml", TILL)))
    values = {
        "instance": {"maxRetries": 0, "monitorIntervalSeconds": 5},
        "observability": {
            "metrics": METRICS,
            "notify": {
                "urls": [mailbox.apprise_url],
                "egress": [{"ports": [{"protocol": "TCP", "port": 1025}]}],
            },
        },
        "codeLocations": {
            "ingestion": {
                "env": {"DLT_SOURCES_DIR": SOURCES},
                "extraVolumes": [{"name": "sources", "configMap": {"name": "sources"}}],
                "extraVolumeMounts": [{"name": "sources", "mountPath": SOURCES}],
            }
        },
    }
    file = tmp_path_factory.mktemp("told") / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    release.install("--values", str(file))
    here = f'stack_build_info{{namespace="{release.namespace.name}"}}'
    wait_for(lambda: prometheus.values(here), "Prometheus to scrape the release")
    return Told(release, mailbox, prometheus)


def config_map(file: str, content: str):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "sources"},
        "data": {file: content},
    }


class Told:
    """What people and Prometheus are told about the release."""

    def __init__(self, release, mailbox, prometheus):
        self.release, self.mailbox, self.prometheus = release, mailbox, prometheus

    def is_wrong(self, title: str, alert: str, **labels: str) -> str:
        """The text of the one mail about it, once that has arrived and its alert fires."""
        wait_for(lambda: self.mailbox.texts(title), lambda: (title, self.mailbox.told()))
        self._wait_for(alert, labels, fires=True)
        [text] = self.mailbox.texts(title)
        assert "What to do: " in text or "`stack incidents`" in text
        return text

    def is_over(self, title: str, alert: str, **labels: str) -> None:
        """One mail says so, none repeats that it is wrong, and the alert is quiet."""
        over = f"Over: {title}"
        wait_for(lambda: self.mailbox.texts(over), lambda: (over, self.mailbox.told()))
        self._wait_for(alert, labels, fires=False)
        assert len(self.mailbox.texts(title)) == len(self.mailbox.texts(over)) == 1

    def _wait_for(self, alert: str, labels, *, fires: bool) -> None:
        name = self.release.namespace.name
        wait_for(
            lambda: self.prometheus.fires(alert, namespace=name, **labels) is fires,
            lambda: (alert, fires, self.prometheus.ask("alerts")),
        )


def load(release) -> None:
    """Load the tables of all sources."""
    release.wait_for_run(
        release.launch("ingestion", INCREMENTAL_SYNC.name, **LOAD_ONLY), {"SUCCESS"}
    )


def sql(release, role: str, statement: str) -> None:
    """Execute it in the bundled Postgres, in the role's own database."""
    password = release.secret("postgresql")[f"{role}-password"]
    command = ["psql", "--quiet", "--host=127.0.0.1", f"--username={role}", f"--dbname={role}"]
    command += ["--set=ON_ERROR_STOP=1", "--command", statement]
    target = f"statefulset/{release.fullname}-postgresql"
    release.namespace.execute(target, "env", f"PGPASSWORD={password}", *command)


def test_a_run_that_was_killed_and_the_next_one(told):
    release = told.release
    sql(release, "lake", SELL.format(ago="3 hours"))
    run_id = release.launch("ingestion", INCREMENTAL_SYNC.name, **LOAD_ONLY)
    wait_for(
        lambda: any(p["status"]["phase"] == "Running" for p in release.run_pods(run_id)),
        lambda: release.story_of(run_id),
    )
    release.namespace.kill(f"dagster/run-id={run_id}")
    release.wait_for_run(run_id, {"FAILURE"})
    text = told.is_wrong(f"{INCREMENTAL_SYNC.name} failed", KILLED, pipeline=INCREMENTAL_SYNC.name)
    assert f"Pipeline: {INCREMENTAL_SYNC.name}" in text
    load(release)
    told.is_over(f"{INCREMENTAL_SYNC.name} failed", KILLED, pipeline=INCREMENTAL_SYNC.name)


def test_a_table_of_which_nothing_new_came_and_then_something(told):
    text = told.is_wrong("raw.till_orders is stale", STALE, asset_key="raw/till_orders")
    assert "sold_at" in text
    sql(told.release, "lake", SELL.format(ago="1 minute"))
    load(told.release)
    told.is_over("raw.till_orders is stale", STALE, asset_key="raw/till_orders")


def test_a_file_with_a_bad_row_and_a_queue_in_which_its_correction_is_stuck(
    told, tmp_path, monkeypatch
):
    release = told.release
    with lake_of(release, tmp_path) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        fs, inbox = filesystem("s3://freelancer-data-stack/incoming")
        fs.pipe_file(
            f"{inbox}/takings.csv", b"day,euros\n2026-03-01,5\n2026-03-02,6,7,8\n2026-03-03,9,9,9\n"
        )
        arrived = release.launch("ingestion", FILES.name, **LOAD_ONLY)
        release.wait_for_run(arrived, {"SUCCESS"})
        assert "takings.csv" in told.is_wrong(
            "2 rows of files_takings set aside", ASIDE, asset_key="raw/files_takings"
        )
        of_pool = {"pool": WAREHOUSE_POOL}
        release.ui.query(LIMIT, pool=WAREHOUSE_POOL)
        try:
            fs.pipe_file(
                f"{inbox}/takings.csv", b"day,euros\n2026-03-01,5\n2026-03-02,6\n2026-03-03,9\n"
            )
            corrected = release.launch("ingestion", FILES.name, **LOAD_ONLY)
            release.wait_for_run(corrected, {"QUEUED"})
            sql(release, "dagster", BACKDATE.format(run_id=corrected))
            assert "1 run" in told.is_wrong(f"pool {WAREHOUSE_POOL} is stuck", STUCK, **of_pool)
        finally:
            release.ui.query(NO_LIMIT, pool=WAREHOUSE_POOL)
        release.wait_for_run(corrected, {"SUCCESS"})
    told.is_over(f"pool {WAREHOUSE_POOL} is stuck", STUCK, **of_pool)
    server = f"deployment/{release.fullname}-ingestion"
    release.namespace.execute(server, "stack", "quarantine", "settle", "all")
    told.is_over("2 rows of files_takings set aside", ASIDE, asset_key="raw/files_takings")


@pytest.mark.long
def test_a_daemon_that_is_gone_and_back(told):
    release = told.release
    daemon = f"deployment/{release.fullname}-daemon"
    release.namespace.kubectl("scale", daemon, "--replicas=0")
    try:
        wait_for(
            lambda: not release.namespace.names("pods", release.selector("daemon")), "it to end"
        )
        sql(release, "dagster", SILENT)
        assert "nothing starts by itself" in told.is_wrong("the daemon is dead", DEAD)
    finally:
        release.namespace.kubectl("scale", daemon, "--replicas=1")
    release.namespace.pod(release.selector("daemon"))
    told.is_over("the daemon is dead", DEAD)


@pytest.mark.long
def test_a_store_that_is_cut_off_and_back(told):
    """It is reported although no run can fail, together with what a run finds out about it."""
    release = told.release
    store = f"statefulset/{release.fullname}-s3"
    sql(release, "dagster", NOTHING_SENT)
    release.namespace.kubectl("scale", store, "--replicas=0")
    try:
        wait_for(lambda: not release.namespace.names("pods", release.selector("s3")), "it to end")
        told.is_wrong("the object store is away", AWAY, store="object_store")
        looked = release.launch("catalog", MONITORING.name)
        release.wait_for_run(looked, {"FAILURE"})
    finally:
        release.namespace.kubectl("scale", store, "--replicas=1")
    release.namespace.pod(release.selector("s3"))
    release.wait_for_run(release.launch("catalog", MONITORING.name), {"SUCCESS"})
    told.is_over("the object store is away", AWAY, store="object_store")
    assert not told.mailbox.texts("datahub is down")


def test_nothing_was_told_twice(told):
    titles = [title for title, _ in told.mailbox.told()]
    assert len(titles) == len(set(titles)), titles

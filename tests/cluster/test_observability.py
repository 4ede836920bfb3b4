"""A real Prometheus scrapes the release, takes the chart's rules, and mails their alerts."""

import json
from functools import partial

import pytest
import requests

from cluster.kube import DEADLINE_S, wait_for
from cluster.watching import METRICS, Prometheus, address, prometheus_with_rules
from scripts.chart_values_page import CHART
from stack.pipelines import MONITORING

ALERT = "StackObserverDown"
ASK = """
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:9101/metrics").read().decode())
"""


@pytest.fixture(scope="module")
def mailpit():
    return address("MAILPIT_URL")


@pytest.fixture(scope="module")
def prometheus():
    return Prometheus(address("PROMETHEUS_URL"))


@pytest.fixture(scope="module")
def scraped(release, prometheus):
    """The release, with observability that Prometheus may scrape."""
    release.install("--set-json", f"observability.metrics={json.dumps(METRICS)}")
    return release


def test_the_default_release_serves_metrics_to_nobody_outside(release, prometheus):
    release.install()
    [pod] = release.namespace.get("pods", release.selector("observability"))
    told = release.namespace.execute(pod["metadata"]["name"], "python", "-c", ASK)
    assert "stack_build_info{" in told
    assert not prometheus.values(f'up{{namespace="{release.namespace.name}"}}')


def test_a_run_that_ended_is_in_prometheus(scraped, prometheus):
    of_release = f'namespace="{scraped.namespace.name}"'
    of = f'{of_release},job_name="{MONITORING.name}",status="success"'
    total = f"sum(dagster_completed_runs_total{{{of}}})"
    wait_for(lambda: prometheus.values("stack_build_info"), "Prometheus to scrape the release")
    before = sum(prometheus.values(total))
    run_id = scraped.launch("ingestion", MONITORING.name)
    wait_for(lambda: scraped.run(run_id)["status"] == "SUCCESS", lambda: scraped.run(run_id))
    wait_for(
        lambda: sum(prometheus.values(total)) > before, lambda: prometheus.ask("query", query=total)
    )
    # The effects of other tests on daemon and stores may take a while to pass.
    for query in ("dagster_exporter_last_scrape_success", "dagster_daemon_healthy"):
        wrong = f"{query}{{{of_release}}} == 0"
        wait_for(
            lambda wrong=wrong: not prometheus.values(wrong),
            partial(prometheus.ask, "query", query=wrong),
            seconds=2 * DEADLINE_S,  # Dagster remembers a daemon's error for five minutes
        )
        assert prometheus.values(query)


@pytest.fixture(scope="module")
def rules(prometheus):
    """Prometheus has the chart's rules; one alert fires at once, all others only after a day."""
    with prometheus_with_rules({ALERT}) as names:
        yield names


def test_prometheus_takes_the_rules_and_can_evaluate_each(scraped, rules, prometheus):
    def evaluated():
        found = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        known = {rule["name"] for rule in found if rule["health"] == "ok"}
        return known >= rules

    wait_for(evaluated, lambda: prometheus.ask("rules"))


def test_prometheus_answers_each_query_of_the_boards(scraped, prometheus):
    for file in CHART.glob("dashboards/*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$namespace", "data").replace("$__range", "1h")
                prometheus.ask("query", query=query)


def test_an_observer_that_is_gone_is_mailed_once_and_so_is_its_return(
    scraped, rules, prometheus, mailpit
):
    def mails():
        found = requests.get(f"{mailpit}/api/v1/messages", params={"limit": 500}, timeout=10)
        subjects = [message["Subject"] for message in found.json()["messages"]]
        return [
            sum(subject.startswith(f"[{state}") and ALERT in subject for subject in subjects)
            for state in ("FIRING", "RESOLVED")
        ]

    fired, resolved = mails()
    wait_for(lambda: prometheus.values("stack_build_info"), "Prometheus to scrape the release")
    target = f"deployment/{scraped.fullname}-observability"
    scraped.namespace.kubectl("scale", target, "--replicas=0")
    wait_for(lambda: mails() == [fired + 1, resolved], mails)
    scraped.namespace.kubectl("scale", target, "--replicas=1")
    wait_for(lambda: mails() == [fired + 1, resolved + 1], mails)

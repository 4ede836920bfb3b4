"""What Prometheus gets: both formats parse, and contain what is declared and nothing else."""

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from observability.facts.looking import Watch
from observability.metrics.collector import StackCollector
from observability.metrics.declared import METRICS
from observability.metrics.kept import Counter
from observability.metrics.metric import Kind
from support.observed import ROWS

FORMATS = {"text/plain": plain, "application/openmetrics-text; version=1.0.0": openmetrics}
DECLARED = {metric.name.removesuffix("_total"): metric for metric in METRICS}


@pytest.fixture
def registry(observed):
    """A process that watches, after a further run ended."""
    watch, counter = Watch(observed.instance), Counter(observed.instance)
    counter.count()
    observed.run("loading", **{"dagster/code_location": "ingestion"})
    counter.count()
    watch.look_at_files()
    watch.look_at_stores()
    registry = CollectorRegistry()
    registry.register(StackCollector(watch, counter))
    return registry


def scraped(registry, accept):
    encoder, _ = choose_encoder(accept)
    return list(FORMATS[accept](encoder(registry).decode()))


@pytest.mark.parametrize("accept", FORMATS)
def test_each_series_is_as_declared_and_there_once(registry, accept):
    families = scraped(registry, accept)
    assert families
    seen = set()
    for family in families:
        metric = DECLARED[family.name.removesuffix("_total")]
        assert family.type == str(metric.kind)
        assert family.documentation == metric.help
        for sample in family.samples:
            labels = set(sample.labels) - ({"le"} if metric.kind is Kind.HISTOGRAM else set())
            assert labels == set(metric.labels), sample.name
            series = (sample.name, *sorted(sample.labels.items()))
            assert series not in seen
            seen.add(series)


def values(registry, name):
    return {
        tuple(sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_it_tells_what_happened(registry):
    assert values(registry, "stack_table_rows") == {("raw/orders",): ROWS}
    passed = values(registry, "stack_check_passed")
    assert (passed["raw/orders", "whole", "error"], passed["raw/orders", "recent", "warn"]) == (
        1,
        0,
    )
    assert values(registry, "stack_dependency_state")["mill", "down"] == 1
    assert values(registry, "stack_quarantine_rows") == {("orders",): 3}
    assert values(registry, "stack_alerts_open")["dbt_test_failure", "error"] == 1
    assert values(registry, "dagster_last_run_info")["failing", "__unknown__", "failure"] == 1
    assert ("loading",) in values(registry, "stack_pipeline_last_success_timestamp_seconds")
    assert values(registry, "dagster_completed_runs_total")["loading", "ingestion", "success"] >= 1
    assert values(registry, "dagster_completed_runs_total")["loading", "ingestion", "failure"] == 0
    assert values(registry, "stack_run_duration_seconds_count")["loading", "ingestion", "success"]
    assert set(values(registry, "dagster_exporter_last_scrape_success").values()) == {1}
    assert ("run_storage",) in values(registry, "stack_store_size_bytes")


def test_it_tells_what_a_run_used(registry):
    peak = values(registry, "stack_run_memory_peak_bytes")["loading", "ingestion"]
    assert 10_000_000 < peak < 100_000_000_000
    assert values(registry, "stack_run_cpu_seconds")["loading", "ingestion"] > 0


def test_two_scrapes_within_seconds_cost_one_look(observed, monkeypatch):
    watch, counter = Watch(observed.instance), Counter(observed.instance)
    collector = StackCollector(watch, counter)
    list(collector.collect())
    monkeypatch.setattr(watch, "instance", None)  # a second look would fail in each part
    families = {family.name: family for family in collector.collect()}
    assert families["stack_table_rows"].samples
    success = families["dagster_exporter_last_scrape_success"].samples
    assert {sample.value for sample in success} == {1}

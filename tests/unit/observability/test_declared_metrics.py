"""Metrics have names and labels that follow Prometheus's advice; promtool finds no fault."""

import re

import pytest

from observability.metrics.declared import METRICS
from observability.metrics.metric import Kind

UNBOUNDED = {"run_id", "pipeline_id", "backfill_id", "file", "path", "message", "error", "reason"}
NOT_BASE = re.compile(r"_(ms|milliseconds|minutes|hours|days|kb|mb|gb|kilobytes|percent)(_|$)")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_follows_the_conventions(metric):
    assert re.fullmatch(r"(dagster|stack)_[a-z][a-z_]*[a-z]", metric.name)
    assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
    assert not metric.name.endswith(("_bucket", "_sum", "_count"))
    assert not NOT_BASE.search(metric.name)
    assert metric.name.endswith("_info") <= (metric.kind is Kind.GAUGE)
    assert metric.help.endswith(".")
    assert len(set(metric.labels)) == len(metric.labels)
    assert all(re.fullmatch(r"[a-z][a-z_]*", label) for label in metric.labels)
    assert not {"le", "quantile", "job", "instance"} & set(metric.labels)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_no_label_grows_with_what_runs(metric):
    assert not UNBOUNDED & set(metric.labels)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_histogram_counts_seconds_in_rising_buckets_and_nothing_else_has_any(metric):
    assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    if metric.buckets:
        assert metric.name.endswith("_seconds")


def test_each_name_is_declared_once():
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)

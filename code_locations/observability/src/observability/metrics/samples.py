"""Values of metrics, checked against the declarations and limited in series."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from observability.metrics.declared import DROPPED, METRICS
from observability.metrics.metric import Kind, Metric

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

    from observability.metrics.counting import Sums

# For each metric. More than that means labels that nobody declared: counters and histograms add
# them up as `other`; gauges, which can't be added, leave them out.
SERIES = 2000
# As in dagster-prometheus-exporter; no location can have this name.
UNKNOWN_LOCATION = "__unknown__"

Value = float | bool | datetime | None


class Samples:
    """The gauges of one scrape."""

    def __init__(self) -> None:
        self._series: dict[str, dict[tuple[str, ...], float]] = {}
        self._dropped: dict[str, int] = {}

    def set(self, metric: Metric, value: Value, *labels: str) -> None:
        """Set a series' value; None sets none."""
        assert len(labels) == len(metric.labels), metric.name  # noqa: S101
        if value is None:
            return
        series = self._series.setdefault(metric.name, {})
        if labels not in series and len(series) >= SERIES:
            self._dropped[metric.name] = self._dropped.get(metric.name, 0) + 1
            return
        number: float = value.timestamp() if isinstance(value, datetime) else value
        series[labels] = float(number)

    def families(self, sums: Sums | None) -> Iterator[Family]:
        """Each metric that has series, in the order of the declarations."""
        for name, count in self._dropped.items():
            self._series.setdefault(DROPPED.name, {})[name,] = count
        for metric in METRICS:
            family = self._family(metric, sums)
            if family.samples:
                yield family

    def _family(self, metric: Metric, sums: Sums | None) -> Family:
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        gauges = self._series.get(metric.name, {})
        if metric.kind is Kind.HISTOGRAM:
            histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, found in sums.observed(metric) if sums else ():
                total, cumulated = 0, []
                for bound, inside in zip((*metric.buckets, inf), found.counts, strict=True):
                    total += inside
                    cumulated.append(("+Inf" if bound == inf else str(float(bound)), total))
                histogram.add_metric(labels, cumulated, found.sum)
            return histogram
        if metric.kind is Kind.COUNTER:
            counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            counted = dict(gauges)
            counted |= {labels: float(n) for labels, n in (sums.counted(metric) if sums else ())}
            for labels, value in counted.items():
                counter.add_metric(labels, value)
            return counter
        gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, value in gauges.items():
            gauge.add_metric(labels, value)
        return gauge

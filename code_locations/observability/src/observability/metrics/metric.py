"""How a metric is declared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Prometheus's types."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """A metric. `buckets`: a histogram's upper bounds, without the last, infinite one."""

    name: str
    kind: Kind
    group: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def unit(self) -> str:
        """Seconds or bytes, according to the name; empty for counts."""
        stem = self.name.removesuffix("_total")
        return next((unit for unit in ("seconds", "bytes") if stem.endswith(f"_{unit}")), "")


def gauge(name: str, group: str, told: str, *labels: str) -> Metric:
    """A metric that goes up and down."""
    return Metric(name, Kind.GAUGE, group, told, labels)

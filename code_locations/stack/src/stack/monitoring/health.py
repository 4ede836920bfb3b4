"""What a health check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import dagster as dg


class State(StrEnum):
    """How a dependency is. Only `down` fails the monitoring run."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True)
class Health:
    """What a probe found: a state, and a sentence for people that never holds a secret.

    `numbers` are plotted over time in Dagster's UI, each under its name, which ends in its unit.
    `latency_s`: seconds that the probe took, filled in by whoever ran it.
    """

    state: State
    sentence: str
    latency_s: float = 0.0
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class HealthCheck:
    """A dependency and how to look at it.

    `probe` gets the Dagster instance, which most ignore, and reads its settings when called. It
    runs in its own thread and is abandoned after `deadline_s` seconds; an answer that took longer
    than `slow_s` counts as degraded.
    """

    name: str
    description: str
    probe: Callable[[dg.DagsterInstance], Health]
    kinds: frozenset[str] = frozenset()
    deadline_s: float = 10.0
    slow_s: float = 5.0

    @property
    def asset_key(self) -> dg.AssetKey:
        """The external asset that stands for the dependency in the UI."""
        return dg.AssetKey(["health", self.name])

"""Runs health checks side by side; one that fails or hangs doesn't stop the others."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import dagster as dg

from stack.monitoring.health import Health, HealthCheck, State
from stack.patience import impatient
from stack.settings import SettingsError


def run_checks(checks: Sequence[HealthCheck], instance: dg.DagsterInstance) -> dict[str, Health]:
    """Health by name, in the order of `checks`, after at most the longest deadline."""
    probes = [_Probe(check, instance) for check in checks]
    for probe in probes:
        probe.start()
    return {probe.check.name: probe.result() for probe in probes}


class _Probe(threading.Thread):
    """One probe in a thread that can't keep the process alive if it hangs."""

    def __init__(self, check: HealthCheck, instance: dg.DagsterInstance) -> None:
        super().__init__(name=f"health-{check.name}", daemon=True)
        self.check = check
        self._instance = instance
        self._begun = time.monotonic()
        self._health: Health | None = None

    def run(self) -> None:
        self._begun = time.monotonic()
        try:
            with impatient():
                health = self.check.probe(self._instance)
        except SettingsError as error:  # its message names the variable and holds no secret
            health = Health(State.DOWN, str(error))
        except Exception as error:
            health = Health(State.DOWN, _failed(error))
        self._health = _judge(self.check, replace(health, latency_s=self._elapsed()))

    def result(self) -> Health:
        """What the probe found, or that it didn't answer in time."""
        self.join(max(0.0, self.check.deadline_s - self._elapsed()))
        return self._health or Health(
            State.DOWN, f"no answer within {self.check.deadline_s:g} s", self._elapsed()
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun


def _judge(check: HealthCheck, health: Health) -> Health:
    if health.state is State.OK and health.latency_s > check.slow_s:
        slow = f"slow, {health.latency_s:.1f} s where {check.slow_s:g} s is usual"
        return replace(health, state=State.DEGRADED, sentence=f"{slow}; {health.sentence}")
    return health


def _failed(error: Exception) -> str:
    """Where the check broke, without the message: it may hold a URL with a password."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"the check itself failed: {type(error).__name__} at {Path(frame.filename).name}:"
        f"{frame.lineno}; this is a mistake in the check, not in what it looks at"
    )

"""The Dagster side of monitoring: external assets, their checks, and what a tick does."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from stack.alerts import write_alert
from stack.monitoring.health import Health, HealthCheck, State
from stack.monitoring.history import last_observed, observation
from stack.monitoring.outages import notice, outage_after
from stack.monitoring.probing import run_checks
from stack.settings import StackSettings, load_settings

CHECK_NAME = "healthy"
GROUP = "monitoring"
_LEVELS = {State.DOWN: logging.ERROR, State.DEGRADED: logging.WARNING}


@dataclass(frozen=True)
class Found:
    """What a tick found of one dependency, and how to log it."""

    check: HealthCheck
    health: Health
    observation: dg.AssetObservation
    alert_failure: str | None = None


def look(
    checks: Sequence[HealthCheck], instance: dg.DagsterInstance, run_id: str, source: str
) -> Iterator[Found]:
    """Run the checks and write the alerts that are due; `source` signs them."""
    alerts = load_settings(StackSettings).alerts
    results = run_checks(checks, instance)
    for check in checks:
        health = results[check.name]
        outage = outage_after(last_observed(instance, check.asset_key), health, datetime.now(UTC))
        failure = None
        if due := notice(check.name, outage, health, run_id, source):
            try:
                write_alert(alerts, due.alert, key=due.key)
                outage = due.written
            except Exception as error:  # the next tick tries again
                failure = (
                    f"alert {due.alert.type} can't be written ({type(error).__name__}): "
                    "check ALERTS_URL; the next run tries again"
                )
        yield Found(check, health, observation(check.asset_key, health, outage), failure)


def health_assets(checks: Sequence[HealthCheck]) -> list[dg.AssetSpec]:
    """One external asset a dependency."""
    return [
        dg.AssetSpec(
            check.asset_key,
            group_name=GROUP,
            description=check.description,
            kinds=set(check.kinds),
            owners=["team:analytics"],
        )
        for check in checks
    ]


def health_check_keys(checks: Sequence[HealthCheck]) -> list[dg.AssetCheckKey]:
    """The asset checks of the dependencies."""
    return [dg.AssetCheckKey(check.asset_key, CHECK_NAME) for check in checks]


def health_monitor(
    name: str, checks: Sequence[HealthCheck], source: str
) -> dg.AssetChecksDefinition:
    """The op that looks at all `checks`; each can be run alone in the UI.

    It takes no pool: a long load must not keep it waiting.
    """

    @dg.multi_asset_check(  # Dagster reads the context's annotation: no postponed ones here
        name=name,
        description="Looks at what this location depends on; fails only for what is down.",
        can_subset=True,
        specs=[
            dg.AssetCheckSpec(CHECK_NAME, asset=check.asset_key, description=check.description)
            for check in checks
        ],
    )
    def monitor(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = {key.asset_key for key in context.selected_asset_check_keys}
        chosen = [check for check in checks if check.asset_key in selected]
        instance = context.op_execution_context.instance
        down = []
        for found in look(chosen, instance, context.run.run_id, source):
            health, name = found.health, found.check.name
            line = f"{name}: {health.state} after {health.latency_s:.2f} s: {health.sentence}"
            context.log.log(_LEVELS.get(health.state, logging.INFO), line)
            if found.alert_failure:
                context.log.error(f"{name}: {found.alert_failure}")
            if health.state is State.DOWN:
                down.append(f"{name}: {health.sentence}")
            context.op_execution_context.log_event(found.observation)
            yield _result(found)
        if down:
            raise dg.Failure(
                f"{len(down)} of {len(chosen)} down: {'; '.join(down)}", allow_retries=False
            )

    return monitor


def _result(found: Found) -> dg.AssetCheckResult:
    down = found.health.state is State.DOWN
    return dg.AssetCheckResult(
        asset_key=found.check.asset_key,
        check_name=CHECK_NAME,
        passed=found.health.state in (State.OK, State.NOT_CONFIGURED),
        severity=dg.AssetCheckSeverity.ERROR if down else dg.AssetCheckSeverity.WARN,
        description=found.health.sentence,
        metadata=found.observation.metadata,
    )

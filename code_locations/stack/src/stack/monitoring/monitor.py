"""The Dagster side of monitoring: external assets and their checks."""

import logging
from collections.abc import Iterator, Sequence

import dagster as dg

from stack.monitoring.health import HealthCheck, State
from stack.monitoring.tick import Found, Tick, look, tell_recovery
from stack.settings import StackSettings, load_settings

CHECK_NAME = "healthy"
GROUP = "monitoring"
_LEVELS = {State.DOWN: logging.ERROR, State.DEGRADED: logging.WARNING}


def health_assets(checks: Sequence[HealthCheck]) -> list[dg.AssetSpec]:
    """One external asset per dependency."""
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
    """The op that runs all `checks`; each can also be run alone in the UI.

    `source` is the job that it belongs to, which signs its alerts. It takes no pool: a long load
    must not hold it up.
    """

    @dg.multi_asset_check(  # Dagster reads the context's annotation, so it can't be postponed
        name=name,
        description="Looks at what this location depends on; fails only for what is down.",
        can_subset=True,
        specs=[
            dg.AssetCheckSpec(CHECK_NAME, asset=check.asset_key, description=check.description)
            for check in checks
        ],
    )
    def monitor(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        op_context = context.op_execution_context
        alerts = load_settings(StackSettings).alerts
        tick = Tick(op_context.instance, context.run.run_id, source, alerts)
        selected = {key.asset_key for key in context.selected_asset_check_keys}
        chosen = [check for check in checks if check.asset_key in selected]
        down = []
        for found in look(chosen, tick):
            _log(context.log, found)
            op_context.log_event(found.observation)
            if found.health.state is State.DOWN:
                down.append(f"{found.check.name}: {found.health.sentence}")
            yield _result(found)  # with this, the observation is stored too
            if trouble := tell_recovery(found, tick):
                context.log.warning(f"{found.check.name}: {trouble}")
        if down:
            raise dg.Failure(
                f"{len(down)} of {len(chosen)} down: {'; '.join(down)}", allow_retries=False
            )

    return monitor


def _log(log: dg.DagsterLogManager, found: Found) -> None:
    health, name = found.health, found.check.name
    line = f"{name}: {health.state} after {health.latency_s:.2f} s: {health.sentence}"
    log.log(_LEVELS.get(health.state, logging.INFO), line)
    if found.trouble:
        log.error(f"{name}: {found.trouble}")


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

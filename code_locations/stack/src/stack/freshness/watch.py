"""The Dagster side: a check `fresh` on each table that has a policy, kept up to date by a sensor.

The sensor reads what runs recorded and starts none: a nightly run that never happened can't report
itself. It records only changes, so the event log doesn't grow with time.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import dagster as dg

from stack.checks import evaluation
from stack.freshness.judgement import Freshness, Verdict, judge
from stack.freshness.policy import FreshnessPolicy
from stack.freshness.seen import seen
from stack.patience import impatient

CHECK_NAME = "fresh"
SENSOR_NAME = "freshness_sensor"
INTERVAL_S = 300
Policies = Mapping[dg.AssetKey, FreshnessPolicy]


def freshness_checks(name: str, policies: Policies) -> dg.AssetChecksDefinition:
    """The checks, to run by hand; no pipeline has them, as it would just have built each table."""

    @dg.multi_asset_check(  # Dagster reads the context's annotation, so it can't be postponed
        name=name,
        description="Looks at when each table was made, and at its newest event.",
        can_subset=True,
        specs=[
            dg.AssetCheckSpec(CHECK_NAME, asset=key, description=f"Wanted: {policy.in_words}.")
            for key, policy in policies.items()
        ],
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        keys = {key.asset_key for key in context.selected_asset_check_keys}
        chosen = {key: policy for key, policy in policies.items() if key in keys}
        found = judged(context.op_execution_context.instance, chosen, datetime.now(UTC))
        for key, verdict in found.items():
            yield _result(key, policies[key], verdict)

    return checks


def freshness_sensor(policies: Policies) -> dg.SensorDefinition:
    """The sensor that records each check whose outcome changed; runs wherever a daemon does."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with impatient():
            changed = changes(context.instance, policies, datetime.now(UTC))
        if not changed:
            return dg.SkipReason(f"{len(policies)} tables are as fresh as at the last look")
        return dg.SensorResult(asset_events=changed)

    return dg.SensorDefinition(
        name=SENSOR_NAME,
        evaluation_fn=tick,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Says of each table whether it is fresh, also when nothing runs.",
    )


def judged(
    instance: dg.DagsterInstance, policies: Policies, now: datetime
) -> dict[dg.AssetKey, Verdict]:
    """Whether each table meets its policy."""
    found = seen(instance, policies)
    return {key: judge(policy, found[key], now) for key, policy in policies.items()}


def changes(
    instance: dg.DagsterInstance, policies: Policies, now: datetime
) -> list[dg.AssetCheckEvaluation]:
    """Outcomes that differ from the recorded ones; none for a table that was never built."""
    keys = [dg.AssetCheckKey(key, CHECK_NAME) for key in policies]
    noted = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    found = []
    for key, verdict in judged(instance, policies, now).items():
        result = evaluation(_result(key, policies[key], verdict))
        record = noted.get(dg.AssetCheckKey(key, CHECK_NAME))
        before = record.event.dagster_event if record and record.event else None
        was = (
            before.asset_check_evaluation_data.metadata
            if before and before.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
            else None
        )
        is_new = was is None and verdict.freshness is not Freshness.UNKNOWN
        if is_new or (was is not None and was != result.metadata):
            found.append(result)
    return found


def _result(key: dg.AssetKey, policy: FreshnessPolicy, verdict: Verdict) -> dg.AssetCheckResult:
    """With the metadata that decides whether an outcome counts as changed."""
    is_fresh = verdict.freshness is Freshness.FRESH
    metadata: dict[str, dg.MetadataValue] = {
        "freshness": dg.MetadataValue.text(str(verdict.freshness)),
        "wanted": dg.MetadataValue.text(policy.in_words),
    }
    if verdict.since is not None:
        metadata["stale_since"] = dg.MetadataValue.timestamp(verdict.since)
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK_NAME,
        passed=is_fresh,
        severity=dg.AssetCheckSeverity.WARN,  # the rows are right, only old
        description=f"as new as wanted: {policy.in_words}" if is_fresh else verdict.sentence,
        metadata=metadata,
    )

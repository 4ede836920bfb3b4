"""Metrics of runs, of the queue, and of what starts runs: the first part of `declared`."""

from __future__ import annotations

from observability.metrics.metric import Kind, Metric, gauge

_RUN = ("job_name", "location")
_RUN_STATUS = (*_RUN, "status")
_RUNS_S = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
_STEPS_S = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)
_WAITS_S = (1, 5, 15, 30, 60, 300, 900, 3600, 14400)

RUNS = "Runs"
QUEUE = "Queue and pools"
AUTOMATION = "Schedules, sensors and daemons"

# Runs.
ACTIVE_RUNS = gauge(
    "dagster_active_runs",
    RUNS,
    "Runs that are queued, starting, started or canceling; 0 if there are none.",
    *_RUN_STATUS,
)
ACTIVE_RUN_DURATION = gauge(
    "dagster_active_run_duration_seconds",
    RUNS,
    "How long the oldest run in this status has been in it.",
    *_RUN_STATUS,
)
COMPLETED_RUNS = Metric(
    "dagster_completed_runs_total",
    Kind.COUNTER,
    RUNS,
    "Runs that ended, retries included, by status: success, failure or canceled.",
    _RUN_STATUS,
)
LAST_RUN = gauge(
    "dagster_last_run_info",
    RUNS,
    "1; `status` is that of the job's last run that ended.",
    *_RUN_STATUS,
)
LAST_RUN_DURATION = gauge(
    "dagster_last_run_duration_seconds",
    RUNS,
    "Time from creation to end of the job's last run that ended.",
    *_RUN_STATUS,
)
RUN_DURATION = Metric(
    "stack_run_duration_seconds",
    Kind.HISTOGRAM,
    RUNS,
    "Time from start to end of a run.",
    _RUN_STATUS,
    _RUNS_S,
)
RUN_WAIT = Metric(
    "stack_run_wait_seconds",
    Kind.HISTOGRAM,
    RUNS,
    "Time from a run's creation (when it is queued) to its start: queue, launch and process.",
    _RUN,
    _WAITS_S,
)
STAGE_DURATION = Metric(
    "stack_stage_duration_seconds",
    Kind.HISTOGRAM,
    RUNS,
    "Time from start to end of a successful run that is one stage of a pipeline.",
    ("job_name", "stage"),
    _RUNS_S,
)
STEP_DURATION = Metric(
    "stack_step_duration_seconds",
    Kind.HISTOGRAM,
    RUNS,
    "Time from start to end of a step's last attempt.",
    ("job_name", "step"),
    _STEPS_S,
)
PIPELINE_LAST = gauge(
    "stack_pipeline_last_info",
    RUNS,
    "1; `outcome` is that of the pipeline's last round, over all of its stages: waiting, "
    "running, succeeded, failed or canceled.",
    "pipeline",
    "outcome",
)
PIPELINE_BEGUN = gauge(
    "stack_pipeline_last_begun_timestamp_seconds",
    RUNS,
    "When the pipeline's last round began.",
    "pipeline",
)
PIPELINE_SUCCEEDED = gauge(
    "stack_pipeline_last_success_timestamp_seconds",
    RUNS,
    "When the pipeline's last successful round ended.",
    "pipeline",
)
PIPELINE_DURATION = gauge(
    "stack_pipeline_last_duration_seconds",
    RUNS,
    "Time from beginning to end of the pipeline's last round that ended, over all of its stages.",
    "pipeline",
)
PIPELINE_CPU = gauge(
    "stack_pipeline_last_cpu_seconds",
    RUNS,
    "CPU time of all runs of the pipeline's last round that ended, as far as they recorded it.",
    "pipeline",
)
RUN_MEMORY = gauge(
    "stack_run_memory_peak_bytes",
    RUNS,
    "Peak memory of the process of the job's last run that ended; steps in pods of their own "
    "don't count.",
    *_RUN,
)
RUN_MEMORY_LIMIT = gauge(
    "stack_run_memory_limit_bytes",
    RUNS,
    "Memory limit of the job's last run that ended; no series without a limit.",
    *_RUN,
)
RUN_CPU = gauge(
    "stack_run_cpu_seconds",
    RUNS,
    "CPU time of the job's last run that ended.",
    *_RUN,
)
RUN_CPU_LIMIT = gauge(
    "stack_run_cpu_limit_cores",
    RUNS,
    "CPU limit, in cores, of the job's last run that ended; no series without a limit.",
    *_RUN,
)

# Queue and pools.
QUEUED = gauge("stack_run_queue_depth", QUEUE, "Runs waiting in the queue.")
QUEUE_OLDEST = gauge(
    "stack_run_queue_oldest_timestamp_seconds",
    QUEUE,
    "Since when the oldest queued run has waited; no series if none does.",
)
QUEUE_READY = gauge(
    "stack_run_queue_ready_oldest_timestamp_seconds",
    QUEUE,
    "Since when the oldest queued run has waited that no full pool and no tag limit holds "
    "back; no series if there is none.",
)
QUEUE_LEFT = gauge(
    "stack_run_queue_last_left_timestamp_seconds",
    QUEUE,
    "When a run last left the queue to be started; no series while none waits.",
)
IN_PROGRESS = gauge("stack_run_queue_in_progress", QUEUE, "Runs that take a slot of the queue.")
QUEUE_LIMIT = gauge(
    "stack_run_queue_limit", QUEUE, "Slots of the queue; no series without a limit."
)
POOL_LIMIT = gauge("dagster_op_pool_concurrency_limit", QUEUE, "Slots of the pool.", "pool")
POOL_ACTIVE = gauge(
    "dagster_op_pool_concurrency_active_slots", QUEUE, "Slots of the pool in use.", "pool"
)
POOL_PENDING = gauge(
    "dagster_op_pool_concurrency_pending_steps",
    QUEUE,
    "Steps waiting for a slot of the pool; if the pool counts runs, runs.",
    "pool",
)
POOL_RUNS = gauge(
    "stack_pool_runs_in_progress", QUEUE, "Runs under way that need the pool.", "pool"
)
POOL_OLDEST = gauge(
    "stack_pool_queue_oldest_timestamp_seconds",
    QUEUE,
    "Since when the oldest queued run that needs the pool has waited; no series if none does.",
    "pool",
)

# Schedules, sensors and daemons.
SCHEDULE_STATUS = gauge(
    "dagster_schedule_status",
    AUTOMATION,
    "1; `status` says whether the schedule is running or stopped.",
    "schedule_name",
    "location",
    "status",
)
SCHEDULE_TICK_STATUS = gauge(
    "dagster_schedule_last_tick_status",
    AUTOMATION,
    "1; `status` is that of the schedule's last tick: started, skipped, success or failure.",
    "schedule_name",
    "location",
    "status",
)
SCHEDULE_TICK = gauge(
    "dagster_schedule_last_tick_timestamp_seconds",
    AUTOMATION,
    "When the schedule last ticked.",
    "schedule_name",
    "location",
)
SCHEDULE_NEXT = gauge(
    "stack_schedule_next_tick_timestamp_seconds",
    AUTOMATION,
    "When the schedule's next tick is due; it is late if that is in the past. Only running "
    "schedules.",
    "schedule_name",
    "location",
)
SENSOR_STATUS = gauge(
    "dagster_sensor_status",
    AUTOMATION,
    "1; `status` says whether the sensor is running or stopped.",
    "sensor_name",
    "location",
    "status",
)
SENSOR_TICK_STATUS = gauge(
    "dagster_sensor_last_tick_status",
    AUTOMATION,
    "1; `status` is that of the sensor's last tick: started, skipped, success or failure.",
    "sensor_name",
    "location",
    "status",
)
SENSOR_TICK = gauge(
    "dagster_sensor_last_tick_timestamp_seconds",
    AUTOMATION,
    "When the sensor last ticked.",
    "sensor_name",
    "location",
)
SENSOR_NEXT = gauge(
    "stack_sensor_next_tick_timestamp_seconds",
    AUTOMATION,
    "When the sensor's next tick is due; it is late if that is in the past. Only running sensors.",
    "sensor_name",
    "location",
)
TICK_FAILURES = Metric(
    "stack_tick_failures_total",
    Kind.COUNTER,
    AUTOMATION,
    "Failed ticks; `kind` is schedule or sensor.",
    ("kind", "name", "location"),
)
DAEMON_HEALTHY = gauge(
    "dagster_daemon_healthy",
    AUTOMATION,
    "1 if Dagster judges this part of the daemon healthy; a silent one still is for half an hour.",
    "daemon_type",
    "required",
)
DAEMON_HEARTBEAT = gauge(
    "dagster_daemon_last_heartbeat_timestamp_seconds",
    AUTOMATION,
    "Last heartbeat of this part of the daemon, which sends one every 30 s. Alert on this.",
    "daemon_type",
)

"""Each metric as data: name, type, labels and help.

Names and labels that start with `dagster_` are those of dagster-prometheus-exporter, so that its
dashboards and rules work here. A moment is a timestamp, never an age: an age is only true as it is
taken. What isn't known has no series.
"""

from __future__ import annotations

from observability.metrics import declared_runs
from observability.metrics.metric import Kind, Metric, gauge

TABLES = "Tables and checks"
WAITING = "What waits for a person"
MESSAGES = "Messages"
STORES = "Stores and catalog"
SAFETY = "Backups and certificates"
SELF = "The exporter itself"

# Tables and checks.
TABLE_MATERIALISED = gauge(
    "dagster_asset_last_materialization_timestamp_seconds",
    TABLES,
    "When the table was last written, or found to have nothing new.",
    "asset_key",
)
TABLE_ROWS = gauge("stack_table_rows", TABLES, "Rows in the table.", "asset_key")
TABLE_BYTES = gauge(
    "stack_table_read_bytes", TABLES, "Bytes that the table's last load read.", "asset_key"
)
TABLE_SET_ASIDE = gauge(
    "stack_table_set_aside_rows", TABLES, "Rows that the table's last load set aside.", "asset_key"
)
TABLE_ACCOUNTED = gauge(
    "stack_table_accounted_for",
    TABLES,
    "1 if every row of the table's last load was loaded, merged away or set aside; else 0.",
    "asset_key",
)
TABLE_NEWEST = gauge(
    "stack_table_newest_event_timestamp_seconds",
    TABLES,
    "The newest date in the column that the table's freshness policy names.",
    "asset_key",
)
TABLE_STALE = gauge(
    "stack_table_stale",
    TABLES,
    "1 if the table is older than its freshness policy allows, else 0; no series without a policy.",
    "asset_key",
)
TABLE_STALE_SINCE = gauge(
    "stack_table_stale_since_timestamp_seconds",
    TABLES,
    "Since when the table is stale; no series while it is fresh.",
    "asset_key",
)
CHECK_PASSED = gauge(
    "stack_check_passed",
    TABLES,
    "1 if the check passed when last evaluated, else 0; `severity` is error or warn.",
    "asset_key",
    "check",
    "severity",
)
CHECK_AT = gauge(
    "stack_check_last_timestamp_seconds",
    TABLES,
    "When the check was last evaluated.",
    "asset_key",
    "check",
)
CHECKS = gauge(
    "stack_checks",
    TABLES,
    "Checks by state (passed, failed) and severity (error, warn).",
    "state",
    "severity",
)
DEPENDENCY_STATE = gauge(
    "stack_dependency_state",
    TABLES,
    "1 for the state that the health checks last found, 0 for the others: ok, degraded, down, "
    "not_configured.",
    "dependency",
    "state",
)
DEPENDENCY_AT = gauge(
    "stack_dependency_last_look_timestamp_seconds",
    TABLES,
    "When the health checks last looked at the dependency.",
    "dependency",
)
DEPENDENCY_DOWN = gauge(
    "stack_dependency_down_since_timestamp_seconds",
    TABLES,
    "Since when the dependency is down; no series while it isn't.",
    "dependency",
)

# What waits for a person.
ALERTS = gauge(
    "stack_alerts_open",
    WAITING,
    "Alert files that are waiting, by type and severity (info, warning, error, critical).",
    "type",
    "severity",
)
ALERTS_OLDEST = gauge(
    "stack_alerts_oldest_timestamp_seconds",
    WAITING,
    "When the oldest waiting alert file of this severity was written.",
    "severity",
)
SET_ASIDE = gauge(
    "stack_quarantine_entries",
    WAITING,
    "Files and parts of files waiting in the quarantine; `table` is empty if none is known.",
    "table",
)
SET_ASIDE_ROWS = gauge(
    "stack_quarantine_rows",
    WAITING,
    "Rows waiting in the quarantine, as far as they could be counted.",
    "table",
)
SET_ASIDE_OLDEST = gauge(
    "stack_quarantine_oldest_timestamp_seconds",
    WAITING,
    "When the oldest entry in the quarantine was set aside.",
)
UNREAD = gauge(
    "stack_unread_files",
    WAITING,
    "Files left out because they are broken or from another version of the stack, by part: "
    "load_reports, quarantine, alerts. The log names each.",
    "part",
)
BACKFILLS = gauge(
    "stack_backfills", WAITING, "Backfills that are requested or under way.", "status"
)
BACKFILL_PARTITIONS = gauge(
    "stack_backfill_partitions",
    WAITING,
    "Partitions of the backfills requested or under way: wanted in all, done, and failed.",
    "state",
)

# Messages.
INCIDENTS = gauge(
    "stack_incidents_open",
    MESSAGES,
    "Open incidents that people were told about.",
    "kind",
    "severity",
)
MESSAGES_SENT = Metric(
    "stack_messages_sent_total",
    Kind.COUNTER,
    MESSAGES,
    "Messages that the channel accepted.",
    ("channel",),
)
MESSAGES_FAILED = Metric(
    "stack_messages_failed_total",
    Kind.COUNTER,
    MESSAGES,
    "Attempts to send a message that the channel did not accept.",
    ("channel",),
)
MESSAGES_WAITING = gauge(
    "stack_messages_waiting", MESSAGES, "Messages waiting to be sent by the channel.", "channel"
)
CHANNEL_FAILING_SINCE = gauge(
    "stack_channel_failing_since_timestamp_seconds",
    MESSAGES,
    "Since when the channel has accepted no message; no series while it works.",
    "channel",
)

# Stores and catalog.
STORE_BYTES = gauge(
    "stack_store_size_bytes",
    STORES,
    "Size of the store: warehouse, run_storage or artifacts.",
    "store",
)
STORE_FREE = gauge(
    "stack_store_free_bytes",
    STORES,
    "Free space where the store is, if that is a disk of this machine.",
    "store",
)
STORE_OBJECTS = gauge(
    "stack_store_objects",
    STORES,
    "Objects in the store: snapshots, files and small_files of a DuckLake.",
    "store",
    "kind",
)
STORE_UP = gauge(
    "stack_store_up",
    STORES,
    "1 if the store could be used at the last look, every 15 s, else 0: run_storage, "
    "warehouse (a DuckLake's catalog), object_store (all buckets), disk (folders of this "
    "machine).",
    "store",
)
STORE_AWAY = gauge(
    "stack_store_away_since_timestamp_seconds",
    STORES,
    "Since when the store can't be used; no series while it can.",
    "store",
)
CATALOG_AT = gauge(
    "stack_catalog_last_emit_timestamp_seconds",
    STORES,
    "When the catalog was last written.",
    "sink",
)
CATALOG_ASPECTS = gauge(
    "stack_catalog_last_emit_aspects",
    STORES,
    "Aspects in the last write to the catalog: emitted, unchanged or failed.",
    "sink",
    "result",
)
BACKUP_EVERY = gauge(
    "stack_backup_interval_seconds",
    SAFETY,
    "How often a backup is due; no series if BACKUP_URL isn't set.",
)
BACKUP_AT = gauge(
    "stack_backup_last_success_timestamp_seconds", SAFETY, "When the last backup was made."
)
BACKUP_BYTES = gauge(
    "stack_backup_last_size_bytes",
    SAFETY,
    "Size of the last backup before it was compressed and encrypted.",
)
RESTORE_TESTED = gauge(
    "stack_restore_last_test_timestamp_seconds",
    SAFETY,
    "When a backup was last read completely (`stack restore --check`) or restored.",
)
CERTIFICATE_ENDS = gauge(
    "stack_certificate_expiry_timestamp_seconds",
    SAFETY,
    "When the certificate expires: those of OBSERVE_CERTIFICATES, and on a cluster the Ingress's.",
    "certificate",
)

# The exporter itself.
LOOK_DURATION = gauge(
    "dagster_exporter_scrape_duration_seconds",
    SELF,
    "How long the last look at this part of the stack took.",
    "collector",
)
LOOK_SUCCESS = gauge(
    "dagster_exporter_last_scrape_success",
    SELF,
    "1 if this part of the stack could be looked at, else 0; the log says why.",
    "collector",
)
LOOK_ERRORS = Metric(
    "dagster_exporter_scrape_errors_total",
    Kind.COUNTER,
    SELF,
    "Failed looks at this part of the stack.",
    ("collector",),
)
DROPPED = gauge(
    "stack_series_dropped",
    SELF,
    "Series of the metric that were left out, as it has at most 2000.",
    "metric",
)
BUILD = gauge(
    "stack_build_info",
    SELF,
    "1; the labels are the versions of the stack, Dagster and Python.",
    "version",
    "dagster_version",
    "python_version",
)

METRICS: tuple[Metric, ...] = tuple(
    value
    for value in (*vars(declared_runs).values(), *list(vars().values()))
    if isinstance(value, Metric)
)

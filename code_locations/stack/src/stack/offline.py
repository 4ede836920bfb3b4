"""Nothing that the stack runs phones home.

Libraries read these variables when they are imported, so they are set when `stack` is imported,
and every subprocess inherits them. A value set by the user wins.
"""

import os

TELEMETRY_SWITCHES = {
    "DO_NOT_TRACK": "1",  # dbt and others: https://consoledonottrack.com
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "DATAHUB_TELEMETRY_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "1",
}


def switch_off_telemetry() -> None:
    """Set every switch that the environment leaves unset."""
    for name, value in TELEMETRY_SWITCHES.items():
        os.environ.setdefault(name, value)

"""Health of what the stack depends on: checks, history in the UI, one alert per outage.

`health` defines a check and its findings, `stack.http` serves those that query a server, and
`probing` runs them side by side. `tick` is one round over all of them, in which `outages` decides
whom to alert; `history` keeps the findings in Dagster's UI, and `durations` knows how long
pipelines took. `monitor` makes these into Dagster assets and checks.
"""

from stack.monitoring.health import Health, HealthCheck, State

__all__ = ["Health", "HealthCheck", "State"]

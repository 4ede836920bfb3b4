"""Health of what the stack depends on: checks, history in the UI, one alert per outage.

`health` defines a check and its findings, `http` is for those that ask a server, `probing` runs
them side by side. `tick` is one round over all of them, with `outages` deciding whom to tell;
`history` keeps what each round found in Dagster's UI.
`monitor` makes these into Dagster assets and checks.
"""

from stack.monitoring.health import Health, HealthCheck, State

__all__ = ["Health", "HealthCheck", "State"]

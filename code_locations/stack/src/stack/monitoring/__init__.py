"""Health of what the stack depends on: checks, history in the UI, one alert an outage."""

from stack.monitoring.health import Health, HealthCheck, State

__all__ = ["Health", "HealthCheck", "State"]

"""Metrics for Prometheus, from `observability.facts` and from what ended since the last look.

`declared` and `declared_runs` have each metric as data (`metric`); docs/metrics.md is generated
from them. `counting` adds up runs, steps and ticks as they end; `kept` keeps the sums in Dagster's
run storage, so that a restart loses none and deleted runs stay counted. `samples` checks values
against the declarations and limits the number of series; `messages` adds the messages' state.
`collector` makes the values from facts and sums, and `serving` serves them over HTTP.
"""

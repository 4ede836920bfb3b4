"""Dagster's own processes, as the images run them: daemon, launcher, executor, webserver.

They say why pods of runs and steps fail, leave none behind, and outlive a restart of Postgres.
`daemon` is the process that does: `launcher` starts runs as Jobs, `watch` looks after them, and
`retries` makes the retries that Dagster misses. `executor` gives each step a pod. `jobs` asks
Kubernetes, `trouble` interprets its answers, `connections` keeps Postgres' connections open.
`webserver`, which `make dev` uses too, refuses requests of foreign web pages by `web_guard`, and by
`gate` those of users without a login (`access`) or of another role than they need (`roles`).
"""

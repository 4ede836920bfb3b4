"""Dagster's own processes as the images run them: daemon, launcher, executor, webserver.

They say why pods of runs and steps fail, leave none behind, and survive a restart of Postgres.

`daemon` runs it all: `launcher` starts runs as Jobs, `watch` looks after them, and `retries` makes
the retries that Dagster misses. `held` ends runs that have nothing to do, `served` starts queued
runs on the current image, and `code` says which synced code a run starts with. `executor` gives
each step a pod. `jobs` queries Kubernetes, `trouble` interprets the answers, and `connections`
keeps connections to Postgres open.

`webserver`, which `make dev` uses too, reloads stale locations (`seen`) and refuses requests from
foreign web pages (`web_guard`), from users who aren't logged in (`access`) and from users whose
role doesn't allow them (`gate`, `roles`).
"""

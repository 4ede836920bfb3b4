"""Dagster's own processes, as the images run them: daemon, launcher, executor, webserver.

They say why pods of runs and steps fail, leave none behind, and outlive a restart of Postgres. The
webserver, which `make dev` has as well, keeps web pages of others away.
"""

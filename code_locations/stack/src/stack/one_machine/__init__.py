"""What only the one-machine stack needs: `make run` and `make dev`.

`home` and `instance` prepare Dagster's folder. `launch` runs one pipeline under `lock`: `progress`
prints its `events`, `summary` the result. `dev` serves the UI. `process` and `stale` find runs
whose process has died, and end them.
"""

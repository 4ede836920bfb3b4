"""What only the one-machine stack needs: `make run` and `make dev`.

`home` prepares Dagster's folder and `instance` its instance, which ends runs whose process has died
(`process` identifies it, `stale` finds them). `launch` runs one pipeline under `lock`: `progress`
prints its `events`, `summary` the result. `dev` serves the UI.
"""

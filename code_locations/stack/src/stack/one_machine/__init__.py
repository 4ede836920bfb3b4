"""What only the one-machine stack needs: `make run` and `make dev`.

`home` prepares Dagster's folder. `instance` is the Dagster instance; it ends runs whose process has
died (`process` identifies a process, `stale` finds the runs), and keeps its records in the SQLite
files of `storage`. `launch` runs one pipeline under `lock`: `progress` prints its `events`,
`summary` the result. `dev` serves the UI.
"""

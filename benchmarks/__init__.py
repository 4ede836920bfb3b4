"""The design's budgets, measured as ratios within one run: `make bench`, `make bench-cluster`.

`load_time`, `continuation` (with `quick_locations`), `data_path`, `files`, `daily`, `peers`,
`growth` and `metrics` measure on one machine, `loop` and `cluster` on Kubernetes; `processes` runs
commands, and `report` prints the results.
"""

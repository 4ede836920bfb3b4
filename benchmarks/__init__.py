"""Budgets of the design, measured as ratios in one run: `make bench`, `make bench-cluster`.

`load_time`, `continuation` (over `quick_locations`), `data_path`, `files` and `daily` measure on
one machine, `cluster` on Kubernetes; `report` prints and keeps what they find.
"""

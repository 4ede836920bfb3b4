"""Code location `transformation`: dbt's models and data tests.

Dagster's side: `assets` (`dbt_run`, `dbt_test`), `checks` and `remediation`, with `specs` built
from the project's `graph`. `testing` reports what tests found, `asset_metadata` (with `lineage`
and `plots`) describes models, and `freshness` says how new they have to be.

dbt's side: `project` finds the project and the files it is parsed from, `sources` generates its
sources, `prepare` parses it, and `models` runs it through `runner` with `options`. `daily` skips
results that still hold, which `holding` knows from the `state` of the tables and the
`fingerprints` of definitions; `idle` asks whether that is all of them. `activity` records what a
run read and made. dbt itself loads `warehouse_plugin`; `dbt_cli` runs dbt by hand.

`definitions`, `location`, `settings` and `health` are as in every location.
"""

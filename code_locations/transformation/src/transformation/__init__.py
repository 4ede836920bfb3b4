"""Code location `transformation`: dbt's models and data tests.

`assets` (`dbt_run`, `dbt_test`), `checks` and `remediation` are Dagster's side, with `specs` from
the `graph` of the project; `testing` tells what tests found, `asset_metadata` (with `facts`,
`lineage` and `plots`) what models are. Of dbt: `project` finds it and knows what it is parsed from,
`sources` generates its sources, `prepare` parses it, `models` runs it by `runner` on `options`.
`daily` leaves out what holds, which `holding` knows by the `state` of the tables and the
`fingerprints` of definitions. `warehouse_plugin` is loaded by dbt itself, and `dbt_cli` is dbt by
hand. `definitions`, `location`,
`settings` and `health` are as in every location.
"""

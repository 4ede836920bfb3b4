"""Code location `catalog`: describes the warehouse in DataHub.

`assets` runs `ingestion`, which reads what the other stages left (`inputs`) and what is in the
warehouse (`inventory`), joins both (`tables`), and makes proposals of them: `datasets` (with
`field_types`), `flow`, `expectations`, and `dbt_source` for dbt's side; all named by `urns`.
`proposals` proves them, `sinks` writes them, `summary` tells people. `definitions`, `location`,
`settings` and `health` are as in every location.
"""

"""Code location `catalog`: describes the warehouse in DataHub.

`assets` runs `ingestion`, which reads what the other stages left (`inputs`) and what is in the
warehouse (`inventory`), joins both (`tables`), and makes proposals of them: `datasets` (with
`field_types`), `flow`, `expectations`, and for dbt's side `dbt_source` (with `lineage` and
`dbt_results`); all named by `urns`. `proposals` orders them, `records` proves them, `sinks` writes
them, to a server what `emission` finds to be new, `summary` tells people. `kept` is what a run
leaves for the next one to save work. `definitions`, `location`, `settings` and `health` are as in
every location.
"""

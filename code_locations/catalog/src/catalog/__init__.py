"""Code location `catalog`: describes the warehouse in DataHub.

`assets` runs `ingestion`. It reads what the other stages left (`inputs`), lists the warehouse
(`inventory`), profiles the tables that changed (`profiles`) and joins all of it (`tables`). From
that it makes proposals: `datasets` (with `field_types`), `flow`, `usage`, `expectations`;
`dbt_source` (with `lineage` and `dbt_results`) for dbt's side; `incidents` for failures (with
`missed` for those that no run saw). `urns` names everything.

`proposals` puts them in order, `records` validates them, `sinks` writes them (to a server only what
`emission` finds to be new) and `summary` reports. `kept` saves work for the next run; `holding` and
`idle` say whether anything has changed. `definitions`, `location`, `settings` and `health` are as
in every location.
"""

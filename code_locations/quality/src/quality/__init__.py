"""Code location `quality`: Great Expectations on the warehouse.

`declarations` reads the project's YAML; `validation` runs a checkpoint: `frames` cut by SQL
(`queries`), judged by `suites` in the working copy that `project` makes, to `results`. `holding`
knows which expectations needn't be judged again. `assets`,
`checks`, `alerting`, `data_docs` and `remediation` tell what was found. `definitions`, `location`,
`settings` and `health` are as in every location.
"""

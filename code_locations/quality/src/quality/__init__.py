"""Code location `quality`: Great Expectations on the warehouse.

`declarations` reads the project's YAML. `validation` runs a checkpoint: `queries` and `frames` cut
the data in SQL, `suites` judge it in the working copy that `project` makes, and `results` holds
the outcome. `holding` knows which expectations needn't be judged again. `assets`, `checks`,
`alerting`, `data_docs` and `remediation` report what was found. `definitions`, `location`,
`settings` and `health` are as in every location.
"""

"""Nothing grows for ever: what is deleted, when, and what never is.

`policy` decides from plain facts which runs are deleted. `runs`, `artifacts`, `activity`,
`processed`, `warehouse` and `scratch` each clear one kind of data; `sweep` calls them in turn.
`report` describes what was cleared: sizes before and after, what was deleted, what could not be.
Each takes a `Clock`, which knows the time and the runs in progress.
The asset, and the command `stack retention`, are `ingestion.retention`.
"""

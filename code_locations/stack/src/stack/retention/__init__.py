"""Nothing grows for ever: what is deleted, when, and what never is.

`policy` decides which runs go, from plain facts. `runs`, `artifacts`, `processed`, `warehouse` and
`scratch` each clear one kind; `sweep` calls them one after the other. `report` is what a kind's
clearing tells: sizes before and after, what went, what could not. All take a `Clock`, which says
what day it is and which runs are in progress.

The asset, and the command `stack retention`, are `ingestion.retention`.
"""

"""One look at the stack: what its run storage, artifacts and alerts say at a given moment.

`model` has the shapes; `looking` fills them: `look` once, `Watch` repeatedly. Each part has its own
module. `runs` and `pipelines` (with `failures` and `costs`), `queue`, `automation`, `daemons` and
`backfills` read Dagster's runs and ticks, `backups` notes beside them; `tables` (with `held`),
`checks`, `outages` and `catalog` read its events; `alerts`, `quarantine`, `reports` (unreadable
ones: `unread`), `stores` and `certificates` read files. `reach` asks the stores whether they
answer. `rows` has the connections. Every query uses an index, and nothing that can't change is read
twice.

Nothing in this package writes, opens the warehouse or imports a code location, so it can look while
runs are under way, and when the daemon is dead.
"""

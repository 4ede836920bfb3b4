"""Telling people: messages are kept until each channel has taken them.

`telling` has `tell`, which does it all. It looks at the facts and makes one change to the kept
`state` (in the run storage; `store` changes it): incidents are updated, and their messages (`text`,
`samples`, `digest` with its `page`) are queued (`outbox`) for the channels that want them
(`routing`). Then `sending` hands one batch at a time to its channel (`channels`), and records the
result. `storage` reports an outage of the run storage itself, without which none of this can be
kept. `ping` calls an outside service after each good night. `cli` is `stack notify` and `stack
incidents`.
"""

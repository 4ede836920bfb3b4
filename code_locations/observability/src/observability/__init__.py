"""The state of the stack, for people and for Prometheus, read from what its runs left behind.

`facts` looks at the stack once and returns one `Facts`; everything else here is made from those.
`metrics` exposes them to Prometheus; `process` is `stack observe`, which does so in a process of
its own. `incidents` finds what is wrong, and `messages` tells people. `status` is `stack status`,
all on one screen, and `run_logs` is `stack logs`. `settings` has the environment variables.
"""

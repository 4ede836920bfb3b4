"""Edited code on a cluster, in seconds: `stack sync` and what carries it there (docs/loop.md).

On this side, `cli` packs the `files` of each location and sends them by kubectl to the pod of its
code server. There, `hand` passes them to `server`, which keeps them as one of its `states`, starts
a process that loads it, publishes it in the `store` and only then switches over. A run's pod begins
with `fetch`, which brings the state that the run was launched from; `pod` tells Kubernetes to.
"""

"""The cost of a run on a cluster, compared with stock settings on the same cluster."""

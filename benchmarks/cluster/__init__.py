"""What a run costs on a cluster, beside the same cluster with stock settings."""

"""A code location of the cluster tests, on top of a location's image."""

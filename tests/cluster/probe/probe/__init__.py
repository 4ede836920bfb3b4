"""A code location for the cluster tests, built on a location's image."""

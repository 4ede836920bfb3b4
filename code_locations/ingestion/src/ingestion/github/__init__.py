"""Starts a pipeline when a GitHub repository publishes a release."""

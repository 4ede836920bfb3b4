"""Releases of a GitHub repository start a pipeline."""

"""Syncs on an Airbyte server, through dagster-airbyte's client.

API: https://reference.airbyte.com (`/api/public/v1`); statistics and failure reasons from the
configuration API (`/api/v1`), which a self-managed server has too but Airbyte doesn't promise.
"""

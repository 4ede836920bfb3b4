"""Syncs on an Airbyte server, through dagster-airbyte's client.

API: https://reference.airbyte.com (`/api/public/v1`). Statistics and failure reasons come from the
configuration API (`/api/v1`), which self-managed servers have but Airbyte doesn't guarantee.
"""

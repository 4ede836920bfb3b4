"""Files at a fsspec URL: a local path, `s3://…`, or whatever else fsspec has a driver for."""

from __future__ import annotations

from typing import Any

from stack.settings import WarehouseSettings, load_settings


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of `url`, and its path there without a slash at the end.

    S3 is opened with the credentials and the endpoint of WarehouseSettings. Listings are not
    cached: other processes write to the same folders.
    """
    import fsspec

    options = _s3_options() if url.startswith("s3://") else {}
    fs, path = fsspec.core.url_to_fs(url, **options)
    return fs, str(path).rstrip("/")


def _s3_options() -> dict[str, Any]:
    settings = load_settings(WarehouseSettings)
    secret = settings.aws_secret_access_key
    return {
        "key": settings.aws_access_key_id,
        "secret": secret.get_secret_value() if secret else None,
        "endpoint_url": settings.aws_endpoint_url,
        "client_kwargs": {"region_name": settings.aws_region},
        "use_listings_cache": False,
    }

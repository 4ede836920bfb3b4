"""S3 by fsspec, that waits for a store which is away. Imported where a bucket is opened."""

from __future__ import annotations

from typing import Any

from s3fs import S3FileSystem
from tenacity import AsyncRetrying

from stack.patience import waiting


class PatientS3FileSystem(S3FileSystem):  # type: ignore[misc]
    """Each request is repeated while S3 doesn't answer, or says that it can't now.

    All of them may be repeated: an object is written whole, and deleting it twice is no error.
    """

    async def _call_s3(self, method: str, *akwarglist: Any, **kwargs: Any) -> Any:
        store = f"S3 at {self.endpoint_url or 'AWS'}"
        async for attempt in AsyncRetrying(**waiting(store)):
            with attempt:
                return await super()._call_s3(method, *akwarglist, **kwargs)
        raise AssertionError  # it returns or raises before

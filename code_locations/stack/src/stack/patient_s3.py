"""fsspec's S3, which waits for a store that is away. Imported only where a bucket is opened."""

from __future__ import annotations

from typing import Any

from s3fs import S3FileSystem
from tenacity import AsyncRetrying

from stack.patience import waiting


class PatientS3FileSystem(S3FileSystem):  # type: ignore[misc]
    """Each request is repeated while S3 doesn't answer, or says that it can't right now.

    All requests are safe to repeat: an object is written whole, and may be deleted twice.
    """

    async def set_session(self, refresh: bool = False, kwargs: dict[str, Any] | None = None) -> Any:
        """As S3FileSystem's, but without `Expect: 100-continue`.

        The client would wait for the answer to it without any time limit.
        """
        session = await super().set_session(refresh, kwargs or {})
        self._s3.meta.events.register_last(
            "before-call.s3", _unannounced, unique_id=_unannounced.__name__
        )
        return session

    async def _call_s3(self, method: str, *akwarglist: Any, **kwargs: Any) -> Any:
        store = f"S3 at {self.endpoint_url or 'AWS'}"
        async for attempt in AsyncRetrying(**waiting(store)):
            with attempt:
                return await super()._call_s3(method, *akwarglist, **kwargs)
        raise AssertionError  # unreachable: the loop returns or raises


def _unannounced(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)

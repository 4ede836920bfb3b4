"""Uploads the sample exports to a bucket, or any other folder that fsspec can write to."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingestion.sample_data.exports import DEFAULT_SIZE, write_sample_data
from stack.storage import filesystem


def upload_sample_data(url: str, size: int = DEFAULT_SIZE) -> dict[str, int] | None:
    """Write the exports of `size` time entries to `url`; return the rows of each table.

    A bucket has no rename, so an interrupted upload leaves some of the files: the next one writes
    the rest. A folder that is complete, or holds any other file, is left as it is, and None is
    returned. Raises ValueError for a size below 1000.
    """
    fs, folder = filesystem(url)
    held = {str(path).removeprefix(f"{folder}/") for path in fs.find(folder)}
    with tempfile.TemporaryDirectory() as temporary:
        draft = Path(temporary) / "exports"
        rows = write_sample_data(draft, size)
        files = {str(p.relative_to(draft)): p for p in sorted(draft.rglob("*")) if p.is_file()}
        missing = files.keys() - held
        if held - files.keys() or not missing:
            return None
        for name in sorted(missing):
            fs.makedirs(f"{folder}/{name}".rpartition("/")[0], exist_ok=True)
            fs.put_file(str(files[name]), f"{folder}/{name}")
    return rows

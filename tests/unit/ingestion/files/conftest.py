"""Workbooks read from bytes."""

import pytest

from ingestion.files.workbook import sheets


@pytest.fixture
def read(tmp_path):
    """Sheets of some bytes, in a file whose name says nothing."""

    def read_(content: bytes):
        path = tmp_path / "file"
        path.write_bytes(content)
        return sheets(path)

    return read_

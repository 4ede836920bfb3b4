"""Files that fill the memory, or can't be opened, are refused in one line, using little."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MEGABYTE = 1 << 20
# Above what the reader has when it is imported; unbounded it would be thousands.
MOST_MEGABYTES = 400
# Reads each file that it is told in a process of its own, of one that has imported all.
READ = """
import os, resource, sys
from pathlib import Path
from ingestion.files.errors import UnreadableFileError
from ingestion.files.reading import read_records
from ingestion.files.rules import NOTHING_DECLARED
import pyarrow.parquet, python_calamine

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
for line in iter(sys.stdin.readline, ""):
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1] != 0:
            print("it died\\n0", flush=True)
        continue
    before = peak()
    try:
        read_records(Path(line.rstrip()), NOTHING_DECLARED)
        print("it was read")
    except UnreadableFileError as error:
        print(error)
    print((peak() - before) // scale, flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def refusal() -> Iterator[Callable[[Path], str]]:
    """The one line that a process of its own says of a file, which took little memory."""
    command = [sys.executable, "-c", READ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        asked, answers = reader.stdin, reader.stdout

        def refuse(file: Path) -> str:
            asked.write(f"{file}\n")
            asked.flush()
            told, megabytes = answers.readline(), answers.readline()
            assert int(megabytes) < MOST_MEGABYTES
            return told

        yield refuse
        asked.close()


def write(file: Path, parts: Iterator[bytes]) -> None:
    with file.open("wb") as stream:
        stream.writelines(parts)


def repeated(part: bytes, size: int = 200 * MEGABYTE) -> Iterator[bytes]:
    block = part * (MEGABYTE // len(part))
    return (block for _ in range(size // len(block)))


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def locked(content: bytes) -> bytes:
    """With the flag of a password on the first file."""
    changed = bytearray(content)
    changed[6] |= 1
    changed[changed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


def encrypted_workbook(megabytes: int) -> bytes:
    """As Excel packs what it encrypts: an OLE container with a stream of this name."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
    return head + b"\xa7" * (megabytes * MEGABYTE) + "EncryptedPackage".encode("utf-16-le")


@pytest.mark.parametrize("part", [b"x", b"abc;def;", b'"a",', b"\xc3\xa9"])
def test_a_line_of_200_megabytes_is_refused(refusal, tmp_path, part):
    write(tmp_path / "file", repeated(part))
    assert "a line of more than 16,777,216 bytes" in refusal(tmp_path / "file")


def test_a_line_of_200_megabytes_amid_others_is_refused(refusal, tmp_path):
    write(tmp_path / "file", iter([b"id,name\n1,", *repeated(b"x"), b"\n2,b\n"]))
    assert "a line of more than 16,777,216 bytes" in refusal(tmp_path / "file")


@pytest.mark.parametrize("end", [b"", b'"\n'])
def test_a_quote_that_is_open_for_200_megabytes_is_refused_by_its_line(refusal, tmp_path, end):
    write(tmp_path / "file", iter([b'id,name\n1,a\n2,"', *repeated(b"3,abcde\n"), end]))
    assert "line 3: it has a quoted value that never closes" in refusal(tmp_path / "file")


@pytest.mark.parametrize(
    "pack", [lambda rows: zipped(rows=rows), lambda rows: gzip.compress(rows, 6, mtime=0)]
)
def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(
    refusal, tmp_path, pack: Callable[[bytes], bytes]
):
    (tmp_path / "file").write_bytes(pack(b"0\n" * (40 * MEGABYTE)))
    told = refusal(tmp_path / "file")
    assert re.search(r"unpacks to more than 67,108,864 bytes, too many for its size", told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (locked(zipped(rows=b"id\n1\n")), "protected by a password"),
        (encrypted_workbook(1), "protected by a password"),
        (zipped(inner=zipped(rows=b"0\n" * MEGABYTE)), "an archive within an archive"),
        (zipped(inner=gzip.compress(b"id\n1\n", mtime=0)), "an archive within an archive"),
        (gzip.compress(zipped(rows=b"id\n1\n"), mtime=0), "an archive within an archive"),
    ],
    ids=["password", "encrypted", "zip in zip", "gzip in zip", "zip in gzip"],
)
def test_what_is_locked_or_packed_twice_is_refused(refusal, tmp_path, content, told):
    (tmp_path / "file").write_bytes(content)
    assert told in refusal(tmp_path / "file")

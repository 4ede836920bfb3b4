"""Samples of layouts, read as the loader reads them."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.files.conform import Destination
from ingestion.files.dialect import find_dialect
from ingestion.files.encoding import find_encoding, utf8_copy
from ingestion.files.reading import Parsed, finish, stage
from ingestion.files.rules import NOTHING_DECLARED
from ingestion.incoming.tables import raw_table_of
from ingestion.layouts import Layout, recognise

SAMPLES = Path(__file__).parents[1] / "unit" / "ingestion" / "layouts" / "samples_of_banks"


@dataclass
class Sample:
    """A file as read: its layout, what the reader says about it, its rows, its columns' types."""

    layout: Layout
    parsed: Parsed
    rows: list[dict[str, Any]]
    types: dict[str, str]

    def by_key(self) -> dict[tuple, dict[str, Any]]:
        """Rows by the key on which the loader merges, or by number."""
        key = self.layout.primary_key
        return {tuple(r[k] for k in key) if key else (n,): r for n, r in enumerate(self.rows)}


def known(names) -> bool:
    return recognise(names) is not None


def read(data: bytes, folder: Path, before: Sample | None = None) -> Sample:
    """A file with a meaningless name, read after another one of its table."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "1-file"
    file.write_bytes(data)
    staged = stage(file, NOTHING_DECLARED, known)
    layout = recognise(staged.records.names)
    assert layout is not None, f"no layout has {staged.records.names}"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        destination = Destination(
            table=raw_table_of(f"files_{layout.name}", {}, layout.primary_key),
            columns=before.types if before else {},
            path=folder / "rows.parquet",
            remembered=before.parsed.remembered if before else {},
            rules=layout.rules_for(staged.records.names),
        )
        parsed = finish(connection, staged, destination)
        found = connection.execute("from read_parquet(?)", [str(parsed.path)])
        names = [name for name, *_ in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        described = connection.execute("describe from read_parquet(?)", [str(parsed.path)])
        types = {name: type_ for name, type_, *_ in described.fetchall()}
    return Sample(layout, parsed, rows, types)


@cache
def _read_sample(name: str, folder: Path) -> Sample:
    return read((SAMPLES / f"{name}.csv").read_bytes(), folder / name)


def sample(name: str, folder: Path) -> Sample:
    """The sample of a layout, read once for each folder."""
    return _read_sample(name, folder)


def expected(name: str) -> dict[str, Any]:
    return yaml.safe_load((SAMPLES / f"{name}.expected.yml").read_text("utf-8"))


def overlapping(name: str, folder: Path) -> tuple[bytes, bytes]:
    """A sample cut into two files that share some days; rows of one day stay together."""
    folder.mkdir(parents=True, exist_ok=True)
    data = SAMPLES / f"{name}.csv"
    encoding = find_encoding(data).name
    file = utf8_copy(data, encoding, folder / "utf8")
    dialect = find_dialect(file, NOTHING_DECLARED, known)
    lines = file.read_bytes().decode().splitlines(keepends=True)
    head, body = lines[: dialect.line - 1], lines[dialect.line - 1 :]
    rules = recognise(dialect.names).rules_for(dialect.names)
    days = [
        n for n, header in enumerate(dialect.names)
        if (rule := rules.columns.get(header)) and rule.type in ("date", "timestamp")
    ]  # fmt: skip
    groups: list[tuple[str, list[str]]] = []
    reader, start = csv.reader(body, delimiter=dialect.delimiter, quotechar=dialect.quote), 0
    for cells in reader:
        day = cells[days[0]] if days and len(cells) > days[0] else "" if days else cells[0]
        rows = body[start : reader.line_num]
        start = reader.line_num
        if groups and day in ("", groups[-1][0]):
            groups[-1][1].extend(rows)
        else:
            groups.append((day, rows))
    third = len(groups) // 3
    parts = groups[: len(groups) - third], groups[third:]
    first, second = ("".join([*head, *(r for _, rows in part for r in rows)]) for part in parts)
    return first.encode(encoding), second.encode(encoding)

"""Turns an arrived file into a Parquet file for its raw table, each row with its origin.

`fetch_one` finds the table and the rules, `read_one` reads the file by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingestion.files.conform import Destination
from ingestion.files.errors import UnreadableFileError
from ingestion.files.fetching import FileReader, content_hash
from ingestion.files.listing import Export
from ingestion.files.reading import Parsed, Staged, facts_of
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules, of_rows_put_back
from ingestion.incoming.declared import Declared
from ingestion.incoming.inbox import SOURCE, Target, header_line_of
from ingestion.incoming.tables import FILE, FILE_ID, Newest, raw_table_of
from ingestion.layouts import Layout, recognise
from ingestion.layouts.feeding import Fed, Feeding, feed
from ingestion.loading.removed import REMOVED_AT
from stack.load_report import InputReport, SetAside
from stack.sql import literal

ORIGIN = {FILE: "VARCHAR", FILE_ID: "VARCHAR"}
_OURS = {*ORIGIN, REMOVED_AT}


@dataclass(frozen=True)
class Fetched:
    """A fetched file with its records as text; `file_id` is the hash of its content.

    `full_export`: its table will have just its rows, with all others marked as removed.

    A file of a known layout belongs to the layout's table, whatever its name.
    """

    file: Export
    target: Target
    file_id: str
    staged: Staged
    rules: ReadingRules
    layout: Layout | None = None
    feeding: Feeding | None = None
    full_export: bool = False

    @property
    def table(self) -> str:
        """Name of its raw table."""
        return f"{SOURCE}_{self.layout.name if self.layout else self.target.table}"

    @property
    def content(self) -> tuple[str, str]:
        """Table and content, a pair that is loaded at most once."""
        return self.table, self.file_id


@dataclass(frozen=True)
class Read:
    """A file as Parquet with its origin in each row, and what it adds to the books' tables."""

    fetched: Fetched
    parquet: Path
    parsed: Parsed
    new_columns: dict[str, str]
    fed: tuple[Fed, ...] = ()

    @property
    def newest(self) -> dict[str, Newest]:
        """The file as its table's newest full export, if it is one."""
        if not self.fetched.full_export:
            return {}
        export = Newest(self.fetched.file.written_at, self.fetched.file_id)
        return {self.fetched.table: export}

    def input(self, loaded: int, set_aside: Sequence[SetAside] = ()) -> InputReport:
        """Its report, after `loaded` of its rows went in."""
        parsed = self.parsed
        return InputReport(
            name=self.fetched.file.path,
            table=self.fetched.table,
            records=parsed.records,
            loaded=loaded,
            merged_away=parsed.duplicates + parsed.rows - loaded,
            set_aside=tuple(set_aside),
            bytes=self.fetched.file.size,
            facts=facts_of(parsed),
            breaks=parsed.breaks,
        )


def fetch_one(reader: FileReader, declared: Declared, file: Export, target: Target) -> Fetched:
    """A file's records, and its layout, which a declaration overrides. Raises like `read_one`."""
    local = reader.fetch(file)
    own = declared.of(file.path, f"{SOURCE}_{target.table}")
    rules = own.read if own else NOTHING_DECLARED
    looked_for = rules.hints_only and not (own and own.feeds)
    header_line = header_line_of(file.path)
    if header_line:
        rules = of_rows_put_back(rules, header_line)
    known = (lambda names: recognise(names) is not None) if looked_for else None
    staged = reader.stage(local, file, rules, known)
    names = staged.records.names if staged.records else ()
    layout = recognise(names) if looked_for else None
    table = f"{SOURCE}_{layout.name if layout else target.table}"
    if layout:
        of_table = declared.of("", table)
        hints = of_table.read if of_table else NOTHING_DECLARED
        rules = layout.rules_for(names).with_hints(rules, hints)
        rules = of_rows_put_back(rules, header_line) if header_line else rules
    full = declared.full_export(table) or raw_table_of(table, {}).full_export
    return Fetched(
        file=file,
        target=target,
        file_id=content_hash(local),
        staged=staged,
        rules=rules,
        layout=layout,
        feeding=layout or own,
        full_export=full and header_line is None,
    )


def read_one(reader: FileReader, item: Fetched, destination: Destination) -> Read:
    """Read a file for its table; a table that doesn't exist yet has no columns."""
    columns = destination.columns
    present = {name: type_ for name, type_ in columns.items() if name not in _OURS}
    remembered = destination.remembered if present else {}
    destination = replace(destination, columns=present, remembered=remembered)
    parsed = reader.finish(item.staged, item.file, destination)
    if taken := sorted(_OURS & parsed.new_columns.keys()):
        raise UnreadableFileError(
            f"its column {taken[0]} has the name of one that the stack adds; rename it"
        )
    with_origin = destination.path.with_suffix(".origin.parquet")
    reader.connection().execute(
        f"copy (select *, {literal(item.file.path)} as {FILE}, {literal(item.file_id)} as "
        f"{FILE_ID} from read_parquet({literal(parsed.path)})) "
        f"to {literal(with_origin)} (format parquet)"
    )
    new = {k: v for k, v in (parsed.new_columns | ORIGIN).items() if k not in columns}
    if item.layout is not None:
        parsed = replace(parsed, evidence={**parsed.evidence, "layout": item.layout.title})
    if item.feeding is None:
        return Read(item, with_origin, parsed, new)
    fed, failed = feed(reader.connection(), item.feeding, parsed.path, item.file.written_at)
    told = {one.table.table_name: one.rows for one in fed}
    parsed = replace(
        parsed,
        evidence={**parsed.evidence, "rows it feeds": told},
        breaks=(*parsed.breaks, *failed),
    )
    return Read(item, with_origin, parsed, new, tuple(fed))

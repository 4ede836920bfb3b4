"""An inbox of arrived files for tests, and what the warehouse makes of them."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

from ingestion.incoming.inbox import Inbox
from ingestion.incoming.loader import FilesLoader
from ingestion.quarantine import Quarantine
from ingestion.settings import IncomingSettings, QuarantineSettings
from stack.quarantine import Entry
from stack.settings import load_settings
from support.dropped import Dropped
from support.reports import Told


class Incoming(Dropped):
    """The inbox below STACK_HOME."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "incoming"
        self.folder.mkdir(parents=True)

    def drop(self, name: str, content: str | bytes) -> Path:
        """Let a file arrive, or be rewritten."""
        data = content.encode() if isinstance(content, str) else content
        return self.write(name, gzip.compress(data, mtime=0) if name.endswith(".gz") else data)

    def waiting(self) -> dict[str, str]:
        """The files in the inbox: version by path."""
        files = Inbox.open(load_settings(IncomingSettings)).files()
        return {file.path: file.version for file in files}

    def process(self, *paths: str) -> Told:
        """Process these files, or all."""
        waiting = self.waiting()
        return Told(FilesLoader().load_batch({p: waiting[p] for p in paths or waiting}))

    def processed(self) -> list[str]:
        """The paths of the files in `processed`."""
        root = self.folder / "processed"
        return sorted(str(f.relative_to(root)) for f in root.rglob("*") if f.is_file())

    def set_aside(self) -> dict[str, Entry]:
        """The quarantine's entries, by path."""
        quarantine = Quarantine(load_settings(QuarantineSettings).quarantine)
        return {entry.path: entry for entry in quarantine.entries(["files"])}

    def loaded(self) -> Counter[tuple[str, str]]:
        """How often each table of files contains each row."""
        found: Counter[tuple[str, str]] = Counter()
        with self.opened() as connection:
            tables = connection.execute(
                "select distinct table_name from duckdb_tables() "
                "where table_name like 'files\\_%' escape '\\'"
            ).fetchall()
            for (table,) in tables:
                query = f'select * exclude (_file, _file_id) from "{table}"'
                found.update((table, str(row)) for row in connection.execute(query).fetchall())
        return found

"""The loader of arrived files, as `ingestion.loaders` wants it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from ingestion.incoming.inbox import ASSET, SOURCE, Inbox, quiet_files
from ingestion.incoming.load_run import LoadRun
from ingestion.layouts.feeding import SOURCE as FED
from ingestion.loaders import WHAT_IS_NEW, Scope, WithoutFacts
from ingestion.quarantine import Quarantine
from ingestion.settings import IncomingSettings, QuarantineSettings
from stack.load_report import LoadReport
from stack.quarantine import Entry
from stack.raw import RawTable, raw_tables
from stack.settings import load_settings

_log = logging.getLogger(__name__)


class FilesLoader(WithoutFacts):
    """Arrived files into tables named after them; implements `ingestion.loaders.Loader`."""

    name = SOURCE
    asset = ASSET
    kind = "dlt"
    required = True

    def tables(self) -> tuple[RawTable, ...]:
        """The tables that models use: those of stack/raw/files.yml, and those that layouts feed."""
        return (*raw_tables(SOURCE), *raw_tables(FED))

    def load(self, scope: Scope = WHAT_IS_NEW, log: logging.Logger = _log) -> LoadReport:
        """Load the oldest files that nobody has written to lately.

        If the scope names tables, read their processed files again instead.
        """
        if scope.tables is not None:
            return LoadRun(log).reread(scope.tables)
        return self.load_batch(quiet_files(load_settings(IncomingSettings), ()), log)

    def load_batch(self, batch: Mapping[str, str], log: logging.Logger = _log) -> LoadReport:
        """Load these files of the inbox, given as version by path.

        Files that can't be read go to the quarantine, loaded ones to `processed`. A file that is
        gone or has changed since it was listed is left for a later batch. One that can't be moved
        is a failure; the next batch with it moves it.
        """
        return LoadRun(log).load(batch)

    def forget(self, tables: Collection[str]) -> None:
        """Do nothing: a load of chosen tables reads their processed files again."""

    def rereads(self, table: str) -> bool:  # noqa: ARG002
        """None: whether a file is still in `processed` is only known when it is read."""
        return False

    def put_back(self, entry: Entry) -> str:
        """Move a quarantined file back into the inbox; make a file of quarantined records."""
        settings = load_settings(IncomingSettings)
        inbox = Inbox.open(settings)
        quarantine = Quarantine(load_settings(QuarantineSettings).quarantine)
        put_back = inbox.put_back if entry.kind == "file" else inbox.put_back_rows
        path = put_back(entry, quarantine)
        seconds = settings.incoming_settle_seconds
        return (
            f"{path} is in the inbox again; file_processing_pipeline loads it, {seconds} seconds "
            "after it was last written to"
        )

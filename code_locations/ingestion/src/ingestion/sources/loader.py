"""Loads the configured sources, each by itself; implements `ingestion.loaders.Loader`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from ingestion.loaders import WHAT_IS_NEW, Scope
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import QuarantineError
from ingestion.settings import DltSettings
from ingestion.sources.declarations import Source, load_sources, secrets_of
from ingestion.sources.loading import Reading, SourceLoad, load_source
from stack.errors import StackError, one_line, reason
from stack.load_report import Failure, InputReport, LoadReport, Outcome, TableReport
from stack.outage import is_passing
from stack.quarantine import Entry
from stack.raw import RawTable
from stack.redaction import Redactor
from stack.settings import environment_variables, load_settings

_log = logging.getLogger(__name__)


class SourcesLoader:
    """The sources of DLT_SOURCES_DIR, or those given. Raises DeclarationError when first used."""

    name = "sources"
    asset = "dlt_ingestion_pipeline"
    kind = "dlt"
    required = False  # an API that is down doesn't hold up the models

    def __init__(self, sources: Sequence[Source] | None = None) -> None:
        self._given = sources

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The sources as declared."""
        if self._given is not None:
            return tuple(self._given)
        return load_sources(load_settings(DltSettings).dlt_sources_dir)

    def tables(self) -> tuple[RawTable, ...]:
        """One raw table per list of an API or table of a database."""
        return tuple(table for source in self.sources for table in source.raw_tables())

    def facts(self, table: RawTable) -> dict[str, Any]:
        """The kind of source that it comes from."""
        return {"source": next(s.kind for s in self.sources if s.name == table.source)}

    def load(self, scope: Scope = WHAT_IS_NEW, log: logging.Logger = _log) -> LoadReport:
        """Load each source. With days in the scope nothing is read: only the books have days."""
        inputs: list[InputReport] = []
        failures: list[Failure] = []
        tables: dict[str, TableReport] = {}
        for source in () if scope.days else self.sources:
            raw = source.raw_tables()
            if not scope.has({table.table_name for table in raw}):
                continue
            variables = environment_variables()
            reading = Reading.REPLACE if scope.full_refresh else Reading.NEW
            reading = Reading.AGAIN if scope.tables else reading
            wanted = [table for table in raw if scope.has({table.table_name})]
            try:
                done = load_source(source, wanted, variables, reading)
            except Exception as error:  # from the warehouse, or something the file refers to
                if is_passing(error):
                    raise
                done = SourceLoad(failed=dict.fromkeys((t.name for t in wanted), _told(error)))
            if done.failed:
                redact = Redactor(secrets_of(source, variables))
                told = redact(one_line(_told_of(done.failed, len(wanted))))
                failures.append(Failure(source=source.name, reason=told))
            inputs += [_input(table, done) for table in wanted]
            tables |= done.tables
            for name, table in done.tables.items():
                log.info(f"{name}: {table.rows_loaded:,} rows")
                for column in table.columns_widened:
                    log.info(
                        f"{name}.{column.name} is {column.after.lower()} from now on, no longer "
                        f"{column.before.lower()}: a value has no room otherwise"
                    )
        return LoadReport(
            loader=self.name,
            asset=self.asset,
            inputs=tuple(inputs),
            tables=with_all_tables(self.tables(), tables) if self.sources else {},
            failures=tuple(failures),
        )

    def forget(self, tables: Collection[str]) -> None:
        """Nothing to do: a load of chosen tables reads them from their beginning."""

    def rereads(self, table: str) -> bool:  # noqa: ARG002
        """No: a source doesn't promise to return again what it once returned."""
        return False

    def put_back(self, entry: Entry) -> str:
        """Nothing from these sources is ever set aside."""
        raise QuarantineError(f"{entry.path} is of no file", next_step="run the pipeline again")


def _input(table: RawTable, done: SourceLoad) -> InputReport:
    name = f"{table.source}.{table.name}"
    read = done.read.get(table.name)
    if table.name in done.failed or read is None:
        return InputReport(name=name, table=table.table_name, outcome=Outcome.FAILED)
    return InputReport(
        name=name,
        table=table.table_name,
        records=read.records,
        loaded=read.loaded,
        # Rows that an earlier load had, and rows replaced by later ones of the same key.
        merged_away=read.passed + read.rows - read.loaded,
        seconds=read.seconds,
    )


def _told_of(failed: Mapping[str, str], tables: int) -> str:
    """Why tables failed, each reason once; without names if all failed for the same one."""
    by_reason: dict[str, list[str]] = {}
    for name, why in failed.items():
        by_reason.setdefault(why, []).append(name)
    if len(by_reason) == 1 and len(failed) == tables:
        return next(iter(by_reason))
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items())


def _told(error: Exception) -> str:
    if isinstance(error, StackError):
        return str(error)
    first = next(iter(reason(error).splitlines()), "")
    return f"{type(error).__name__}: {first}"

"""Loads the configured sources, each by itself; implements `ingestion.loaders.Loader`."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from functools import cached_property, partial
from typing import Any

from ingestion.loaders import WHAT_IS_NEW, Scope
from ingestion.loading.pipeline import Extracted, run_source
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import Entry, QuarantineError
from ingestion.settings import DltSettings
from ingestion.sources.building import Reading, build
from ingestion.sources.declarations import Source, load_sources, secrets_of
from stack.errors import StackError, one_line, reason
from stack.load_report import Failure, InputReport, LoadReport, Outcome, TableReport
from stack.raw import RawTable
from stack.redaction import Redactor
from stack.settings import environment_variables, load_settings

_log = logging.getLogger(__name__)


class SourcesLoader:
    """The sources of DLT_SOURCES_DIR, or those given. Raises SourceFileError when first asked."""

    name = "sources"
    asset = "dlt_ingestion_pipeline"
    kind = "dlt"
    required = False  # one API that is down holds up none of the models

    def __init__(self, sources: Sequence[Source] | None = None) -> None:
        self._given = sources

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """As declared."""
        if self._given is not None:
            return tuple(self._given)
        return load_sources(load_settings(DltSettings).dlt_sources_dir)

    def tables(self) -> tuple[RawTable, ...]:
        """A raw table each list of an API, or table of a database."""
        return tuple(table for source in self.sources for table in source.raw_tables())

    def facts(self, table: RawTable) -> dict[str, Any]:
        """What kind of source it is of."""
        return {"source": next(s.kind for s in self.sources if s.name == table.source)}

    def load(self, scope: Scope = WHAT_IS_NEW, log: logging.Logger = _log) -> LoadReport:
        """Load each source. Days are the books' own: with them, none is read."""
        inputs: list[InputReport] = []
        failures: list[Failure] = []
        tables: dict[str, TableReport] = {}
        for source in () if scope.days else self.sources:
            raw = source.raw_tables()
            if not scope.has({table.table_name for table in raw}):
                continue
            started = time.perf_counter()
            variables = environment_variables()
            reading = Reading.REPLACE if scope.full_refresh else Reading.NEW
            reading = Reading.AGAIN if scope.tables else reading
            try:
                made = partial(build, source, variables, reading)
                extracted = run_source(source.name, made, raw)
            except Exception as error:  # whatever a driver or an API's client raises
                told = str(error) if isinstance(error, StackError) else _told(error)
                redact = Redactor(secrets_of(source, variables))
                failures.append(Failure(source=source.name, reason=redact(one_line(told))))
                inputs += [
                    InputReport(name=f"{source.name}.{t.name}", table=t.table_name,
                                outcome=Outcome.FAILED)
                    for t in raw
                ]  # fmt: skip
                continue
            seconds = round(time.perf_counter() - started, 3)
            inputs += [_input(table, extracted, seconds) for table in raw]
            tables |= extracted.tables
            for name, table in extracted.tables.items():
                log.info(f"{name}: {table.rows_loaded:,} rows")
        return LoadReport(
            loader=self.name,
            asset=self.asset,
            inputs=tuple(inputs),
            tables=with_all_tables(self.tables(), tables) if self.sources else {},
            failures=tuple(failures),
        )

    def forget(self, tables: Collection[str]) -> None:
        """Nothing: a load of chosen tables reads them from their beginning."""

    def rereads(self, table: str) -> bool:  # noqa: ARG002
        """None: the source keeps no promise to deliver again what it once did."""
        return False

    def put_back(self, entry: Entry) -> str:
        """Nothing of these sources is set aside."""
        raise QuarantineError(f"{entry.path} is of no file", next_step="run the pipeline again")


def _input(table: RawTable, extracted: Extracted, seconds: float) -> InputReport:
    name = table.table_name
    read, taken = extracted.read.get(name, 0), extracted.taken.get(name, 0)
    return InputReport(
        name=f"{table.source}.{table.name}",
        table=name,
        records=read,
        loaded=extracted.tables[name].rows_loaded,
        merged_away=read - taken,  # rows at the cursor's value that the load before had, too
        seconds=seconds,
    )


def _told(error: Exception) -> str:
    first = next(iter(reason(error).splitlines()), "")
    return f"{type(error).__name__}: {first}"

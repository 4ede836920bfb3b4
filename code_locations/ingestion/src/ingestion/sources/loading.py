"""Loads the configured sources, each by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from ingestion.loading import LoadError, run_source
from ingestion.sources.building import Reading, build, table_name
from ingestion.sources.declarations import Source, SourceFileError, secrets_of
from stack.redaction import Redactor
from stack.settings import environment_variables

_log = logging.getLogger(__name__)


@dataclass
class SourcesReport:
    """Rows loaded by table, the reason by source that failed, and seconds by source."""

    rows: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def load_configured(
    sources: Iterable[Source],
    progress: Callable[[str], None] = _log.info,
    reading: Reading = Reading.NEW,
) -> SourcesReport:
    """Load each source; one that fails is noted and stops none of the others."""
    report = SourcesReport()
    variables = environment_variables()
    for source in sources:
        redact = Redactor(secrets_of(source, variables))
        started = time.perf_counter()
        try:
            counts = run_source(source.name, partial(build, source, variables, reading))
        except (LoadError, SourceFileError) as error:
            report.failed[source.name] = redact(" ".join(str(error).split()))
        except Exception as error:
            first = next(iter(str(error).splitlines()), "")
            report.failed[source.name] = redact(f"{type(error).__name__}: {first}")
        else:
            for table in source.tables:
                name = table_name(source, table)
                report.rows[name] = counts.get(name, 0)
                progress(f"{name}: {report.rows[name]:,} rows")
        report.seconds[source.name] = round(time.perf_counter() - started, 3)
    return report

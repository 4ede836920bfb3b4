"""Makes `Facts`, each part by itself, so that one that can't be read hides no other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import dagster as dg

from observability.facts.alerts import AlertReader
from observability.facts.automation import AutomationReader
from observability.facts.backfills import backfills_of
from observability.facts.backups import backup_of
from observability.facts.catalog import catalog_of
from observability.facts.certificates import certificates_of
from observability.facts.checks import CheckReader
from observability.facts.daemons import daemons_of
from observability.facts.model import ActiveRuns, Facts, ReachFact
from observability.facts.outages import OutageReader
from observability.facts.pipelines import pipelines_of
from observability.facts.quarantine import QuarantineReader
from observability.facts.queue import queue_of
from observability.facts.reach import RUN_STORAGE, ReachReader, run_storage_away
from observability.facts.reports import ReportReader
from observability.facts.rows import cut_connections, keep_connections
from observability.facts.runs import RunReader, active_runs
from observability.facts.stores import stores_of
from observability.facts.tables import AssetReader, Materialised, owners_of, tables_of
from observability.settings import QuarantineSettings, SafetySettings
from stack.errors import reason
from stack.load_report import LoadReport
from stack.outage import is_outage
from stack.patience import impatient
from stack.settings import StackSettings, WarehouseSettings, load_settings

T = TypeVar("T")
IN_FILES = ("alerts", "quarantine", "load_reports", "certificates", "stores", "reach")
# Shorter than a scrape may take.
SHARES_S = 5.0
# A server away for as long has had two questions.
CUT_AFTER_S = 10.0
NOT_YET = "not looked at yet"
_log = logging.getLogger("stack.observe")


@dataclass
class Looked:
    """How the looks at a part went: seconds of the last one, whether it succeeded, failures."""

    seconds: float = 0.0
    succeeded: bool = True
    failures: int = 0


@dataclass
class _Slow:
    """What is read from files, which may be far away."""

    alerts: Any = ()
    set_aside: Any = ()
    reports: dict[str, LoadReport] = field(default_factory=dict)
    stores: Any = ()
    reach: tuple[ReachFact, ...] = ()
    certificates: Any = ()


class Watch:
    """Looks at a stack repeatedly, and reads only what changed. Threads may share it.

    The slow looks at files and sizes are `look_at_files`, `look_at_stores` and `look_for_stores`;
    `facts` has their last results.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        """Watch this instance with the settings of this process. Raises SettingsError."""
        keep_connections(instance)
        self.instance = instance
        self.looked: dict[str, Looked] = {}
        self._stack = load_settings(StackSettings)
        self._warehouse = load_settings(WarehouseSettings)
        self._quarantine_url = load_settings(QuarantineSettings).quarantine
        self._safety = load_settings(SafetySettings)
        self._runs = RunReader()
        self._automation, self._assets = AutomationReader(), AssetReader()
        self._checks, self._outages = CheckReader(), OutageReader()
        self._alerts: AlertReader | None = None
        self._quarantine: QuarantineReader | None = None
        self._reports: ReportReader | None = None
        self._reach = ReachReader(instance, self._stack, self._warehouse, [self._quarantine_url])
        self._slow = _Slow()
        self._troubles = dict.fromkeys(IN_FILES, NOT_YET)
        self._storage_is_away = ""
        self._lock = threading.Lock()
        self._last: Facts | None = None

    @property
    def reach(self) -> tuple[ReachFact, ...]:
        """Whether the stores could be used when last asked."""
        return self._slow.reach

    def facts(self, max_age_s: float = 0.0) -> Facts:
        """What is known now, or was at a look no older than `max_age_s`.

        While another thread's look hangs, what the last one found; the first is waited for.
        """
        before = self._last
        if not self._lock.acquire(timeout=SHARES_S if before else -1) and before:
            return replace(before, reach=self._slow.reach)
        try:
            last = self._last
            if last and (datetime.now(UTC) - last.at).total_seconds() < max_age_s:
                return last
            with impatient():
                self._last = self._look()
            return self._last
        finally:
            self._lock.release()

    def look_at_files(self) -> None:
        """Read alerts, the quarantine, certificates, and the loaders' last reports."""
        with impatient():
            self._slow.alerts = self._part("alerts", self._read_alerts, ())
            self._slow.set_aside = self._part("quarantine", self._read_quarantine, ())
            self._slow.reports = self._part("load_reports", self._read_reports, {})
            self._slow.certificates = self._part("certificates", self._read_certificates, ())

    def look_at_stores(self) -> None:
        """Measure the stores."""

        def look() -> Any:
            return stores_of(self.instance, self._stack, self._warehouse)

        with impatient():
            self._slow.stores = self._part("stores", look, ())

    def look_for_stores(self) -> tuple[ReachFact, ...]:
        """Ask whether the stores can be used; end what waits for a run storage that is away."""
        self._slow.reach = self._part("reach", self._reach.read, self._slow.reach)
        if any(
            s.since and (s.at - s.since).total_seconds() > CUT_AFTER_S
            for s in self._slow.reach
            if s.name == RUN_STORAGE
        ):
            cut_connections()
        return self._slow.reach

    def _look(self) -> Facts:
        instance = self.instance
        self._storage_is_away = run_storage_away(self._slow.reach)
        no_runs: tuple[ActiveRuns, ...] = ()
        no_assets: tuple[Materialised, ...] = ()
        active = self._stored("active", lambda: active_runs(instance), no_runs)
        assets = self._stored("tables", lambda: self._assets.read(instance), no_assets)
        owners = owners_of(self._slow.reports)
        at = datetime.now(UTC)
        return Facts(
            at=at,
            active=active,
            pipelines=self._stored(
                "pipelines", lambda: pipelines_of(self._runs.read(instance)), ()
            ),
            queue=self._stored("queue", lambda: queue_of(instance), None),
            automation=self._stored("automation", lambda: self._automation.read(instance), ()),
            daemons=self._stored("daemons", lambda: daemons_of(instance), ()),
            tables=tables_of(assets, self._slow.reports, at),
            checks=self._stored("checks", lambda: self._checks.read(instance, owners), ()),
            outages=self._stored("outages", lambda: self._outages.read(instance), ()),
            backfills=self._stored("backfills", lambda: backfills_of(instance), ()),
            alerts=self._slow.alerts,
            set_aside=self._slow.set_aside,
            stores=self._slow.stores,
            reach=self._slow.reach,
            unread=tuple(
                fact
                for reader in (self._reports, self._quarantine, self._alerts)
                if reader is not None
                for fact in reader.unread.facts
            ),
            catalog=catalog_of(assets),
            backup=self._stored("backup", lambda: backup_of(instance, self._safety), None),
            certificates=self._slow.certificates,
            unknown=dict(self._troubles),
        )

    def _stored(self, name: str, look: Callable[[], T], nothing: T) -> T:
        """A part in Dagster's storage; once that is found to be away, no other part is read."""
        if self._storage_is_away:
            self._fail(name, self._storage_is_away)
            return nothing
        return self._part(name, look, nothing, in_storage=True)

    def _part(self, name: str, look: Callable[[], T], nothing: T, *, in_storage: bool = False) -> T:
        with self._timed(name):
            try:
                found = look()
            except Exception as error:  # of any kind: still look at the other parts
                if in_storage and is_outage(error):
                    self._storage_is_away = reason(error)
                self._fail(name, reason(error))
                return nothing
        if self._troubles.pop(name, NOT_YET) != NOT_YET:
            _log.info(f"{name} can be looked at again")
        self.looked[name].succeeded = True
        return found

    def _fail(self, name: str, why: str) -> None:
        looked = self.looked.setdefault(name, Looked())
        looked.succeeded, looked.failures = False, looked.failures + 1
        if self._troubles.get(name) != why:
            _log.warning(f"{name} can't be looked at: {why}")
        self._troubles[name] = why

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.looked.setdefault(name, Looked()).seconds = time.perf_counter() - begun

    def _read_alerts(self) -> Any:
        self._alerts = self._alerts or AlertReader(self._stack.alerts)
        return self._alerts.read()

    def _read_quarantine(self) -> Any:
        self._quarantine = self._quarantine or QuarantineReader(self._quarantine_url)
        return self._quarantine.read()

    def _read_certificates(self) -> Any:
        return certificates_of(self._safety.certificates)

    def _read_reports(self) -> dict[str, LoadReport]:
        self._reports = self._reports or ReportReader(self._stack.artifacts)
        return self._reports.read()


def look(instance: dg.DagsterInstance) -> Facts:
    """All that is known now, for a single look. Raises SettingsError."""
    watch = Watch(instance)
    watch.look_at_files()
    watch.look_at_stores()
    watch.look_for_stores()
    return watch.facts()

"""Keeps the sums in Dagster's run storage, beside the cursors of its own daemons."""

from __future__ import annotations

import logging
import threading
import time

import dagster as dg
from pydantic import ValidationError

from observability.facts.model import Facts, Outcome
from observability.metrics.counting import Sums, count
from stack.errors import reason
from stack.patience import impatient

KEY = "freelancer-data-stack/metrics"
SAVE_EVERY_S = 60.0
_log = logging.getLogger("stack.observe")


class Counter:
    """Counts what ends, and continues where a previous process stopped."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._sums: Sums | None = None
        self._saved = ""
        self._saved_at = 0.0
        self._counting = threading.Lock()  # held while counting
        self._lock = threading.Lock()  # held only briefly, since scrapes wait for it

    @property
    def sums(self) -> Sums | None:
        """The sums; None before the first count."""
        return self._sums

    def count(self) -> None:
        """Count what ended since, and keep the sums now and then."""
        with self._counting, impatient():
            counted = count(self._instance, self._sums or self._load())
            with self._lock:
                succeeded = self._sums.succeeded if self._sums else counted.succeeded
                self._sums = counted.model_copy(update={"succeeded": succeeded})
            if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
                self._save(self._sums)

    def note(self, facts: Facts) -> None:
        """Note when pipelines last succeeded, because their runs are deleted one day."""
        with self._lock:
            if self._sums is None:
                return
            succeeded = dict(self._sums.succeeded)
            for found in facts.pipelines:
                if found.outcome is Outcome.SUCCEEDED and found.ended is not None:
                    before = succeeded.get(found.pipeline, 0.0)
                    succeeded[found.pipeline] = max(before, found.ended.timestamp())
            self._sums = self._sums.model_copy(update={"succeeded": succeeded})

    def save(self) -> None:
        """Keep the sums, for example at the end of the process."""
        with self._counting, impatient():
            if self._sums is not None:
                self._save(self._sums)

    def _load(self) -> Sums:
        text = self._instance.run_storage.get_cursor_values({KEY}).get(KEY)
        if not text:
            return Sums.begin()
        try:
            return Sums.model_validate_json(text)
        except ValidationError:  # from another version
            _log.warning("the kept sums of metrics can't be read: counting begins anew")
            return Sums.begin()

    def _save(self, sums: Sums) -> None:
        self._saved_at = time.monotonic()
        text = sums.model_dump_json()
        if text == self._saved:
            return
        try:
            self._instance.run_storage.set_cursor_values({KEY: text})
            self._saved = text
        except Exception as error:  # whatever the database raises, counting goes on
            _log.warning(f"the sums of metrics can't be kept: {reason(error)}")

"""What a run's process used, and what it was allowed to, as tags of the run.

The peak is resident memory of the process or its largest child: only that, not cached files,
counts towards a container's limit for good.
"""

from __future__ import annotations

import logging
import resource
import sys
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg

from stack.errors import reason
from stack.run_log import guard_events
from stack.warehouse.limits import cpu_quota, machine_memory_bytes, memory_bytes

# A re-executed run copies all tags of the first; OF_TAG says which run they describe.
OF_TAG = "used/by"
MEMORY_PEAK_TAG = "used/memory_peak_bytes"
MEMORY_LIMIT_TAG = "used/memory_limit_bytes"
CPU_TAG = "used/cpu_seconds"
CPU_LIMIT_TAG = "used/cpu_limit_cores"
_ENDS = {
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
}
_CGROUP = Path("/sys/fs/cgroup")
_log = logging.getLogger("stack.peaks")


def note_peaks() -> None:
    """Tag each run that this process executes, as it ends, with what the process used."""
    guard_events()  # first, so that stored events still pass through it
    store = dg.DagsterInstance.handle_new_event
    if getattr(store, "notes_peaks", False):
        return
    begun_here: set[str] = set()

    @wraps(store)
    def noting(instance: dg.DagsterInstance, event: dg.EventLogEntry, **options: Any) -> None:
        kind = event.dagster_event_type
        if kind is dg.DagsterEventType.RUN_START:  # stored only by the process that executes it
            begun_here.add(event.run_id)
        elif kind in _ENDS and event.run_id in begun_here:
            begun_here.discard(event.run_id)
            try:
                instance.add_run_tags(event.run_id, used(event.run_id))
            except Exception as error:  # not worth failing a run
                _log.warning(f"what run {event.run_id} used is not noted: {reason(error)}")
        store(instance, event, **options)

    noting.notes_peaks = True  # type: ignore[attr-defined]
    dg.DagsterInstance.handle_new_event = noting  # type: ignore[method-assign,assignment]


def used(run_id: str, cgroup: Path = _CGROUP) -> dict[str, str]:
    """What this process has used so far; limits only where there are any."""
    own, children = (
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    unit = 1 if sys.platform == "darwin" else 1024
    peak = max(own.ru_maxrss, children.ru_maxrss) * unit
    cpu = sum(part.ru_utime + part.ru_stime for part in (own, children))
    tags = {OF_TAG: run_id, MEMORY_PEAK_TAG: str(peak), CPU_TAG: f"{cpu:.2f}"}
    if (limit := memory_bytes(cgroup)) < machine_memory_bytes():
        tags[MEMORY_LIMIT_TAG] = str(limit)
    if cores := cpu_quota(cgroup):
        tags[CPU_LIMIT_TAG] = f"{cores:g}"
    return tags

"""Runs of `make run` whose process died before it could say so."""

from __future__ import annotations

import os

import dagster as dg

PID_TAG = "stack/pid"


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed that are in progress by a process that is gone; return their ids."""
    in_progress = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    )
    dead = [
        run
        for run in instance.get_runs(in_progress)
        if (pid := run.tags.get(PID_TAG)) and not _alive(int(pid))
    ]
    for run in dead:
        instance.report_run_failed(run, "The process of this run ended without a word (killed?).")
    return [run.run_id for run in dead]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()

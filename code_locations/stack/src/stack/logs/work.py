"""Which run, step and location the lines of this process belong to."""

from __future__ import annotations

import base64
import os
import re
import sys
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

# Dagster's own: the argument of a step's pod. A run's pod has it in its command instead.
STEP_ARGUMENT = "DAGSTER_COMPRESSED_EXECUTE_STEP_ARGS"
_RUN_ID = re.compile(r'"run_id": "([^"]+)"')
_BEGINS = {"STEP_START", "STEP_RESTARTED"}
_ENDS = {"STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY", "STEP_SKIPPED"}

_here: dict[str, str] = {}


def known() -> Mapping[str, str]:
    """Fields of all lines: run_id, job, pipeline_id, step and location, as far as known."""
    return _here


def begin_process() -> None:
    """Take the run's id from how Dagster started this process."""
    if found := _RUN_ID.search(f"{' '.join(sys.orig_argv)} {_step_argument()}"):
        _here["run_id"] = found[1]


def begin_location(name: str) -> None:
    """Record which code location this process serves."""
    _here["location"] = name


def follow(instance: dg.DagsterInstance, event: dg.EventLogEntry) -> None:
    """Take run and step from the events stored by the process that executes them."""
    kind = event.dagster_event_type.value if event.dagster_event_type else ""
    if kind in {"PIPELINE_START", *_BEGINS} and "job" not in _run(event.run_id):
        run = instance.get_run_by_id(event.run_id)
        if run is not None:
            _here.update(of_run(run.run_id, run.job_name, run.tags))
    if kind in _BEGINS and event.step_key:
        _here["step"] = event.step_key
    elif kind in _ENDS and event.step_key == _here.get("step"):
        del _here["step"]


def of_run(run_id: str, job: str, tags: Mapping[str, Any]) -> dict[str, str]:
    """The fields shared by all lines of a run."""
    from stack.tags import PIPELINE_ID_TAG, PIPELINE_TAG, STAGE_TAG

    found = {"run_id": run_id, "job": job}
    if (
        PIPELINE_ID_TAG in tags or PIPELINE_TAG in tags
    ):  # at first, the pipeline's first run has only the latter
        found["pipeline_id"] = tags.get(PIPELINE_ID_TAG, run_id)
    if STAGE_TAG in tags:
        found["location"] = tags[STAGE_TAG]
    return found


def _run(run_id: str) -> Mapping[str, str]:
    return _here if _here.get("run_id") == run_id else {}


def _step_argument() -> str:
    packed = os.environ.get(STEP_ARGUMENT, "")
    try:
        return zlib.decompress(base64.b64decode(packed)).decode() if packed else ""
    except (ValueError, zlib.error):
        return ""

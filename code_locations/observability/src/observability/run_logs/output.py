"""What the steps of a run wrote to stdout and stderr, if it was kept."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from stack.redaction import redact

KEPT_CHARACTERS = 200_000


def output_of(instance: dg.DagsterInstance, run_id: str, step: str) -> Iterator[tuple[str, str]]:
    """`steps, stdout or stderr` and the text, or its end if it is long; empty ones are left out.

    If `step` is named, only the output of processes that ran it.
    """
    kind = {dg.DagsterEventType.LOGS_CAPTURED}
    for record in instance.get_records_for_run(run_id, of_type=kind).records:
        event = record.event_log_entry.dagster_event
        captured = event.logs_captured_data if event else None
        if captured is None or (step and step not in captured.step_keys):
            continue
        manager = instance.compute_log_manager
        data = manager.get_log_data(manager.build_log_key_for_run(run_id, captured.file_key))
        steps = ", ".join(captured.step_keys)
        for name, content in (("stdout", data.stdout), ("stderr", data.stderr)):
            text = redact((content or b"").decode("utf-8", "replace"))[-KEPT_CHARACTERS:]
            if text.strip():
                yield f"{name} of {steps}", text.rstrip("\n")

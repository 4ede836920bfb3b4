"""Runs of one machine whose process died before it could say so.

Such a run would be in progress for ever, and keep its place in the pool of the warehouse: no
other run would start. Dagster's monitoring looks after runs on a cluster only.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping

import dagster as dg

PID_TAG = "stack/pid"
# Where the code server listens that started the run: Dagster's own tag.
SERVER_TAG = ".dagster/grpc_info"
ANSWER_S = 5.0


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed that are in progress by a process that is gone; return their ids.

    A run of the daemon goes with the code server that started it, which waits for its runs
    when it is stopped.
    """
    in_progress = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    dead = [run for run in instance.get_runs(in_progress) if _is_dead(run.tags)]
    for run in dead:
        instance.report_run_failed(run, "The process of this run ended without a word (killed?).")
    return [run.run_id for run in dead]


def _is_dead(tags: Mapping[str, str]) -> bool:
    if pid := tags.get(PID_TAG):
        return not _alive(int(pid))
    server = tags.get(SERVER_TAG)
    return server is not None and not _listens(json.loads(server))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _listens(server: Mapping[str, str | int]) -> bool:
    """Whether anything listens at a code server's socket, or at its host and port."""
    path = server.get("socket")
    try:
        if path:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(ANSWER_S)
                client.connect(str(path))
        else:
            address = (str(server["host"]), int(server["port"]))
            socket.create_connection(address, ANSWER_S).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError:
        return True  # not reached is not known to be dead
    return True

"""A load whose process is ended from outside never counts as a failure of its source."""

import os
import signal

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import RUN_FAILURE_REASON_TAG
from dlt import Pipeline
from dlt.load.load import Load
from dlt.normalize.normalize import Normalize

from ingestion.assets import dlt_ingestion_pipeline
from stack.artifacts import ArtifactStore
from stack.load_report import read_report


@pytest.mark.parametrize(
    ("step", "method"), [(Pipeline, "extract"), (Normalize, "run"), (Load, "run")]
)
def test_a_run_that_is_ended_amid_a_load_tells_of_no_failure(
    exports_in_a_file, stack_home, monkeypatch, step, method
):
    exports_in_a_file.clients("clients.csv", "1,A,2025-01-01", "2,C,2025-01-01")
    stock = getattr(step, method)

    def ended(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        return stock(*arguments, **options)

    with dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setattr(step, method, ended)
        with pytest.raises(DagsterExecutionInterruptedError):
            dg.materialize([dlt_ingestion_pipeline], instance=instance)
        [run] = instance.get_runs()
        assert run.tags[RUN_FAILURE_REASON_TAG] == RunFailureReason.UNEXPECTED_TERMINATION.value
        assert read_report(ArtifactStore(str(stack_home / "artifacts")), "books") is None
        monkeypatch.setattr(step, method, stock)
        assert dg.materialize([dlt_ingestion_pipeline], instance=instance).success
    assert exports_in_a_file.rows("select count(*) from books_clients") == [(2,)]

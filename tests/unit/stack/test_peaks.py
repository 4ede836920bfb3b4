"""A run's usage is recorded by the process that executes it, once, and on no other run."""

import dagster as dg
import pytest

from stack.peaks import (
    CPU_LIMIT_TAG,
    CPU_TAG,
    MEMORY_LIMIT_TAG,
    MEMORY_PEAK_TAG,
    OF_TAG,
    note_peaks,
    used,
)


@pytest.fixture
def instance():
    note_peaks()
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_has_its_peaks_when_it_has_ended(instance, fails):
    @dg.op
    def work():
        assert not fails

    @dg.job
    def job():
        work()

    result = job.execute_in_process(instance=instance, raise_on_error=False)
    tags = instance.get_run_by_id(result.run_id).tags
    assert tags[OF_TAG] == result.run_id
    assert int(tags[MEMORY_PEAK_TAG]) > 10_000_000
    assert float(tags[CPU_TAG]) > 0


def test_a_run_that_another_process_executed_has_none_of_this_one(instance):
    run = dg.DagsterRun(job_name="job", status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    instance.report_run_failed(run, "its process is gone")
    assert OF_TAG not in instance.get_run_by_id(run.run_id).tags


def test_limits_are_those_of_the_container(tmp_path):
    (tmp_path / "memory.max").write_text("268435456\n")
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    tags = used("a", tmp_path)
    assert (tags[MEMORY_LIMIT_TAG], tags[CPU_LIMIT_TAG]) == ("268435456", "1.5")


@pytest.mark.parametrize("files", [{}, {"memory.max": "max\n", "cpu.max": "max 100000\n"}])
def test_where_nothing_is_limited_no_limit_is_told(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert not {MEMORY_LIMIT_TAG, CPU_LIMIT_TAG} & used("a", tmp_path).keys()

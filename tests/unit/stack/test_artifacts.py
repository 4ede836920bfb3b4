"""Artifacts: kept for each run and as the latest, never half written."""

from pathlib import Path

import fsspec
import pytest

from stack.artifacts import ArtifactError, ArtifactStore
from stack.dbt_artifacts import RUN_RESULTS, read_results
from stack.files import write_file


@pytest.fixture(params=["folder", "object store"])
def store(request, tmp_path):
    if request.param == "folder":
        return ArtifactStore(str(tmp_path / "artifacts"))
    fsspec.filesystem("memory").store.clear()
    return ArtifactStore("memory://artifacts")


def test_the_latest_is_that_of_the_last_run_and_each_run_keeps_its_own(store):
    store.put_json("run-1", "dbt/run_results.json", {"n": 1})
    store.put_json("run-2", "dbt/run_results.json", {"n": 2})
    assert store.get_json("dbt/run_results.json") == {"n": 2}
    assert store.get_json("dbt/run_results.json", run_id="run-1") == {"n": 1}


def test_what_was_never_written_is_none(store):
    assert store.get("gx/validation_result.json") is None
    assert store.get_json("gx/validation_result.json", run_id="run-1") is None


def test_what_its_writer_does_not_promise_is_told_in_one_line(store):
    store.put("run-1", "dbt/run_results.json", b'{"results": [{"status": "success"}]}')
    with pytest.raises(ArtifactError) as error:
        read_results(store, RUN_RESULTS)
    assert str(error.value) == (
        "latest/dbt/run_results.json: found results.0.unique_id: Field required, "
        "expected a Results; run the stage that writes it again, or delete the file to go without"
    )


def test_a_write_that_fails_leaves_the_old_file_and_no_debris(tmp_path, monkeypatch):
    file = tmp_path / "folder" / "file.json"
    write_file(file, "old")
    write = Path.write_bytes

    def disk_full(path, content):
        write(path, content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match="No space"):
        write_file(file, "new")
    assert [f.read_bytes() for f in file.parent.iterdir()] == [b"old"]

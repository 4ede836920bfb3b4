"""Everything that was backed up is restored, on every kind of stack."""

import os
import shutil
from datetime import UTC, datetime, timedelta

import dagster as dg
import pyrage
import pytest
from click.testing import CliRunner

from ingestion.backup.age import new_key_pair
from ingestion.backup.cli import restore
from ingestion.backup.errors import BackupError
from ingestion.backup.place import Place
from ingestion.settings import BackupSettings
from stack.backups import noted
from stack.settings import load_settings
from stack.warehouse import connect

from .conftest import KINDS, table


@dg.job
def a_job():
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_stack_is_the_one_that_was_saved(new, tmp_path, kind):
    old = new(kind).fill()
    made = old.backup(tmp_path / "a.tar.gz")
    assert made.left_out == {}
    there = new(kind)
    restored = there.restore(tmp_path / "a.tar.gz")
    assert (restored.files, restored.ended) == (made.files - 2, 0)
    assert there.contents() == old.contents()


def test_a_backup_and_its_test_are_noted(new, tmp_path):
    old = new().fill()
    made = old.backup(tmp_path / "a.tar.gz")
    there = new()
    with old.instance() as instance:
        assert noted(instance)[0].size == made.size
        assert noted(instance)[1] is None
    there.restore(tmp_path / "a.tar.gz")
    with there.instance() as instance:
        assert noted(instance)[1].size > 0
    with old.instance() as instance:
        done = CliRunner().invoke(restore, ["--check", str(tmp_path / "a.tar.gz")])
        assert done.exit_code == 0, done.output
        assert noted(instance)[1].at > noted(instance)[0].at


def test_what_was_in_progress_then_is_canceled_and_the_rest_is_as_it_was(new, tmp_path):
    old = new().fill()
    with old.instance() as instance:
        waiting = instance.create_run_for_job(a_job, status=dg.DagsterRunStatus.NOT_STARTED).run_id
        begun = instance.create_run_for_job(a_job, status=dg.DagsterRunStatus.STARTED).run_id
    old.backup(tmp_path / "a.tar.gz")
    there = new()
    assert there.restore(tmp_path / "a.tar.gz").ended == 2
    with there.instance() as instance:
        for run_id in (waiting, begun):
            assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.CANCELED
            assert "not finished when the backup was made" in instance.all_logs(run_id)[-1].message


def test_a_postgres_gives_no_number_twice_after_it_was_restored(new, tmp_path):
    old = new("servers").fill()
    old.backup(tmp_path / "a.tar.gz")
    there = new("servers")
    there.restore(tmp_path / "a.tar.gz")
    with there.instance() as instance:
        before = instance.event_log_storage.get_maximum_record_id()
        dg.materialize([table], instance=instance)
        assert instance.event_log_storage.get_maximum_record_id() > before


def test_a_lake_that_moved_can_be_written_to_and_cleaned_up(new, tmp_path):
    old = new("lake").fill()
    old.backup(tmp_path / "a.tar.gz")
    there = new("lake")
    there.restore(tmp_path / "a.tar.gz")
    shutil.rmtree(old.home)
    with connect(there.settings()) as connection:
        connection.execute("insert into marts.cash values (-1, -1)")
        connection.execute("call ducklake_cleanup_old_files('warehouse', cleanup_all => true)")
        count = connection.execute("select count(*) from marts.cash").fetchone()
    assert count == (901,)


@pytest.mark.parametrize("kind", ["lake", "servers"])
def test_rows_that_another_program_left_in_the_catalog_are_kept(new, tmp_path, kind):
    old = new(kind).fill()
    with connect(old.settings()) as connection:
        option = "'data_inlining_row_limit', 10, schema => 'marts', table_name => 'cash'"
        connection.execute(f"call warehouse.set_option({option})")
        connection.execute("insert into marts.cash values (-1, -2)")
    old.backup(tmp_path / "a.tar.gz")
    there = new(kind)
    there.restore(tmp_path / "a.tar.gz")
    assert there.contents() == old.contents()


@pytest.mark.parametrize("kind", ["machine", "servers"])
def test_an_encrypted_backup_is_read_with_its_key_only(new, tmp_path, kind):
    pair, other = new_key_pair(), new_key_pair()
    old = new(kind, BACKUP_RECIPIENT=pair.recipient).fill()
    old.backup(tmp_path / "a.tar.gz.age")
    content = (tmp_path / "a.tar.gz.age").read_bytes()
    assert pyrage.decrypt(content, [pyrage.x25519.Identity.from_str(pair.identity)])
    with pytest.raises(BackupError, match="encrypted; give its key"):
        new(kind).restore(tmp_path / "a.tar.gz.age")
    with pytest.raises(BackupError, match="encrypted for another key"):
        new(kind, BACKUP_IDENTITY=other.identity).restore(tmp_path / "a.tar.gz.age")
    with pytest.raises(BackupError, match="no secret key of age"):
        new(kind, BACKUP_IDENTITY="no-key").restore(tmp_path / "a.tar.gz.age")
    there = new(kind, BACKUP_IDENTITY=f"{pair.identity}\n")
    there.restore(tmp_path / "a.tar.gz.age")
    assert there.contents() == old.contents()


def test_a_key_that_is_none_is_refused_before_anything_is_written(new, tmp_path):
    with pytest.raises(BackupError, match="BACKUP_RECIPIENT: found no public key of age"):
        new(BACKUP_RECIPIENT="no-key").fill().backup(tmp_path / "a.tar.gz.age")
    assert list(tmp_path.glob("a*")) == []


def test_names_that_people_have_are_kept(new, tmp_path):
    old = new()
    names = ["订单 2025.csv", "x" * 240 + ".csv", os.fsdecode(b"caf\xe9.csv"), "a'b\"c\\d.csv"]
    for name in names:
        old.write(f"incoming/deep/{name}", name.encode("utf-8", "surrogateescape"))
    os.mkfifo(old.home / "incoming" / "pipe")
    (old.home / "elsewhere").mkdir()
    (old.home / "elsewhere" / "file.csv").write_bytes(b"1")
    (old.home / "incoming" / "link").symlink_to(old.home / "elsewhere")
    made = old.backup(tmp_path / "a.tar.gz")
    assert made.left_out == {"incoming/pipe": "neither a file nor a folder"}
    there = new()
    there.restore(tmp_path / "a.tar.gz")
    found = there.home / "incoming"
    assert {p.name for p in (found / "deep").iterdir()} == set(names)
    for name in names:
        assert (found / "deep" / name).read_bytes() == name.encode("utf-8", "surrogateescape")
    assert (found / "link" / "file.csv").read_bytes() == b"1"


def test_backups_go_to_a_bucket_of_their_own_and_old_ones_are_deleted(new, s3, tmp_path):
    login = s3.environment()
    access = {
        "BACKUP_URL": f"s3://{s3.bucket}/{tmp_path.name}/backups",
        "BACKUP_ENDPOINT_URL": login["AWS_ENDPOINT_URL"],
        "BACKUP_ACCESS_KEY_ID": login["AWS_ACCESS_KEY_ID"],
        "BACKUP_SECRET_ACCESS_KEY": login["AWS_SECRET_ACCESS_KEY"],
        "BACKUP_KEEP_DAYS": "7",
    }
    old = new(**access).fill()
    folder = Place(f"{access['BACKUP_URL']}/", old.open() and load_settings(BackupSettings))
    for name in ("freelancer-data-20200101T000000Z.tar.gz", "mine-20200101T000000Z.tar.gz"):
        with folder.named(name).writing() as out:
            out.write(b"old")
    made = old.backup(access["BACKUP_URL"])
    assert made.pruned == ["freelancer-data-20200101T000000Z.tar.gz"]
    assert [made.url.rsplit("/", 1)[-1]] == [stored.name for stored in folder.backups()]
    assert folder.named("mine-20200101T000000Z.tar.gz").opened().read() == b"old"
    later = datetime.now(UTC) + timedelta(days=800)
    assert folder.prune(7, later) == []
    there = new(**access)
    there.restore(access["BACKUP_URL"])
    assert there.contents() == old.contents()

"""Each alert starts one remediation or none, and ends in the archive with its outcome."""

import dagster as dg
import pytest
from dagster._core.storage.tags import WILL_RETRY_TAG

from stack.remediation.inbox import LARGEST_BYTES
from stack.tags import PIPELINE_ID_TAG
from unit.stack.remediation.daemon import STATUS


def test_an_alert_starts_one_run_however_often_the_sensor_looks(daemon):
    daemon.drop("a.json")
    (request,) = daemon.tick()
    assert request.tags["alert/file"] == "a.json"
    assert request.tags["alert/severity"] == "critical"
    assert daemon.tick() == []
    assert daemon.incoming() == ["a.json"]
    daemon.end(daemon.runs[request.run_key], "healed")
    assert daemon.tick() == []
    assert daemon.incoming() == []
    handling = daemon.archive()["rows fail"]
    assert handling["outcome"] == "healed"
    assert [r["run_id"] for r in handling["runs"]] == [daemon.runs[request.run_key].run_id]


@pytest.mark.parametrize(("outcome", "expected"), [("not_healed", "not_healed"), (None, "failed")])
def test_a_run_that_fails_is_told_apart_from_one_that_did_not_heal(daemon, outcome, expected):
    daemon.drop("a.json")
    (request,) = daemon.tick()
    daemon.end(daemon.runs[request.run_key], outcome, failed=True)
    assert daemon.tick() == []
    assert daemon.archive()["rows fail"]["outcome"] == expected
    assert daemon.tick() == []


def test_a_daemon_that_dies_before_the_run_starts_asks_again_with_the_same_key(daemon):
    daemon.drop("a.json")
    (lost,) = daemon.tick(lost=True)
    (again,) = daemon.tick()
    assert lost.run_key == again.run_key
    assert daemon.tick() == []


def test_the_same_alert_written_again_by_a_retried_step_is_one_alert(daemon):
    daemon.drop("a.json", created_at="2026-01-01T00:00:00Z")
    (first,) = daemon.tick()
    daemon.drop("a.json", created_at="2026-01-01T00:05:00Z")
    assert daemon.tick() == []
    daemon.end(daemon.runs[first.run_key], "healed")
    daemon.tick()
    assert daemon.incoming() == []


def test_another_alert_of_the_same_name_is_another_alert(daemon):
    daemon.drop("a.json")
    (first,) = daemon.tick()
    daemon.end(daemon.runs[first.run_key], "healed")
    daemon.tick()
    daemon.drop("a.json", description="other rows fail")
    (second,) = daemon.tick()
    assert second.run_key != first.run_key
    daemon.end(daemon.runs[second.run_key], "not_healed")
    daemon.tick()
    outcomes = {text: handling["outcome"] for text, handling in daemon.archive().items()}
    assert outcomes == {"rows fail": "healed", "other rows fail": "not_healed"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"severity": "warning"}, "people"),
        ({"severity": "info"}, "people"),
        ({"type": "outage_warehouse", "severity": "error"}, "outage"),
        ({"type": "recovery_warehouse", "severity": "info"}, "over"),
        ({"tables": []}, "names no tables"),
    ],
)
def test_an_alert_that_needs_no_remediation_is_archived_as_seen(daemon, fields, reason):
    daemon.drop("a.json", **fields)
    assert daemon.tick() == []
    assert daemon.incoming() == []
    handling = daemon.archive()["rows fail"]
    assert handling["outcome"] == "seen"
    assert reason in handling["reason"]


@pytest.mark.parametrize("severity", ["error", "critical"])
def test_an_error_of_any_other_kind_that_names_tables_is_remedied(daemon, severity):
    daemon.drop("a.json", type="numbers_look_odd", severity=severity, source="Ada")
    assert len(daemon.tick()) == 1


def test_an_alert_that_a_remediation_wrote_starts_no_other(daemon):
    run = daemon.instance.create_run_for_job(
        dg.JobDefinition(name="x", graph_def=dg.GraphDefinition(name="x")),
        tags={"pipeline": "data_quality_remediation_pipeline"},
    )
    daemon.drop("a.json", run_id=run.run_id)
    assert daemon.tick() == []
    assert daemon.archive()["rows fail"]["reason"].startswith("a remediation wrote it")


def test_stages_that_follow_keep_the_alert_waiting_until_the_verdict(daemon):
    daemon.drop("a.json")
    (request,) = daemon.tick()
    first = daemon.runs[request.run_key]
    daemon.end(first)
    assert daemon.tick() == []
    assert daemon.incoming() == ["a.json"]
    second = daemon.start(request, **{"stage": "quality", PIPELINE_ID_TAG: first.run_id})
    daemon.tick()
    assert daemon.incoming() == ["a.json"]
    daemon.end(first, "healed")  # the verdict is kept under the first run's id
    daemon.end(second)
    daemon.tick()
    handling = daemon.archive()["rows fail"]
    assert (handling["outcome"], [r["stage"] for r in handling["runs"]]) == (
        "healed",
        ["ingestion", "quality"],
    )


def test_a_run_that_is_going_to_be_retried_is_waited_for(daemon):
    daemon.drop("a.json")
    (request,) = daemon.tick()
    run = daemon.runs[request.run_key]
    daemon.instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "true"})
    daemon.end(run, failed=True)
    daemon.tick()
    assert daemon.incoming() == ["a.json"]
    retry = daemon.instance.create_run_for_job(
        dg.JobDefinition(name="x", graph_def=dg.GraphDefinition(name="x")),
        tags=request.tags,
        parent_run_id=run.run_id,
        root_run_id=run.run_id,
        status=STATUS.STARTED,
    )
    daemon.end(retry, "healed")
    daemon.tick()
    assert daemon.archive()["rows fail"]["outcome"] == "healed"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("half.json", '{"type": "great_expe', "JSON"),
        ("binary.json", b"\xff\xfe\x00", "the file"),
        ("list.json", "[]", "the file"),
        ("severity.json", '{"type": "a", "severity": "huge"}', "severity"),
        ("notes.txt", "look at this", ".json"),
        ("huge.json", b" " * (LARGEST_BYTES + 1), "1,048,577 bytes"),
        ("empty.json", "", "the file"),
    ],
)
def test_what_is_no_alert_is_rejected_with_a_reason_and_stops_nothing(
    daemon, name, content, reason
):
    daemon.drop("z.json")
    (daemon.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert len(daemon.tick()) == 1
    assert name in daemon.incoming()  # it may still be written
    daemon.tick()
    assert daemon.incoming() == ["z.json"]
    assert daemon.rejected() == [name, f"{name}.reason.txt"]
    assert reason in (daemon.folder / "rejected" / f"{name}.reason.txt").read_text()


def test_a_file_that_is_written_slowly_is_not_rejected(daemon):
    file = daemon.drop("a.json")
    whole = file.read_bytes()
    for size in (20, 60):
        file.write_bytes(whole[:size])
        assert daemon.tick() == []
    file.write_bytes(whole)
    assert len(daemon.tick()) == 1
    assert daemon.rejected() == []


def test_two_bad_files_of_one_name_are_both_kept(daemon):
    for content in ("first", "second"):
        daemon.folder.mkdir(parents=True, exist_ok=True)
        (daemon.folder / "a.json").write_text(content)
        daemon.tick()
        daemon.tick()
    kept = [(daemon.folder / "rejected" / n).read_text() for n in ("a.json", "2-a.json")]
    assert kept == ["first", "second"]


def test_hidden_and_unfinished_files_are_left_alone(daemon):
    daemon.folder.mkdir(parents=True)
    for name in (".gitkeep", "a.json.0123.tmp", "~lock"):
        (daemon.folder / name).write_text("x")
    daemon.tick()
    daemon.tick()
    assert daemon.incoming() == [".gitkeep", "a.json.0123.tmp", "~lock"]
    assert daemon.said == "no alert waits"


def test_a_folder_that_does_not_exist_is_no_error(daemon):
    assert daemon.tick() == []
    assert daemon.said == "the folder doesn't exist yet"


def test_a_wrong_setting_is_a_reason_to_skip(daemon, monkeypatch):
    monkeypatch.setenv("DAGSTER_ENV", "somewhere")
    assert daemon.tick() == []
    assert "DAGSTER_ENV" in daemon.said


@pytest.mark.parametrize("text", ["garbled", "[]", '{"suspects": 3}', '{"before": ""}'])
def test_a_cursor_that_someone_garbled_hides_no_alert(daemon, text):
    daemon.drop("a.json")
    daemon.cursor = text
    assert len(daemon.tick()) == 1


def test_a_bucket_that_does_not_answer_is_asked_again(daemon, bucket):
    daemon.drop("a.json")
    bucket.broken = (("ls", ""),)
    assert daemon.tick() == []
    assert "no answer to ls" in daemon.said
    bucket.broken = ()
    assert len(daemon.tick()) == 1


def test_one_file_that_cannot_be_read_stops_no_other(daemon, bucket):
    daemon.drop("a.json")
    daemon.drop("b.json", description="b")
    bucket.broken = (("cat", "a.json"),)
    assert [r.tags["alert/file"] for r in daemon.tick()] == ["b.json"]
    bucket.broken = ()
    assert [r.tags["alert/file"] for r in daemon.tick()] == ["a.json"]


@pytest.mark.parametrize("operation", ["write", "rm"])
def test_an_archive_that_breaks_off_is_finished_later(daemon, bucket, operation):
    daemon.drop("a.json")
    (request,) = daemon.tick()
    daemon.end(daemon.runs[request.run_key], "healed")
    bucket.broken = ((operation, "a"),)
    assert daemon.tick() == []
    assert daemon.incoming() == ["a.json"]
    bucket.broken = ()
    assert daemon.tick() == []
    assert daemon.incoming() == []
    assert daemon.archive()["rows fail"]["outcome"] == "healed"


@pytest.mark.parametrize("operation", ["write", "mv"])
def test_a_rejection_that_breaks_off_is_finished_later(daemon, bucket, operation):
    daemon.folder.mkdir(parents=True)
    (daemon.folder / "a.json").write_text("no alert")
    daemon.tick()
    bucket.broken = ((operation, "a.json"),)
    daemon.tick()
    assert daemon.incoming() == ["a.json"]
    bucket.broken = ()
    daemon.tick()
    assert daemon.incoming() == []
    assert daemon.rejected() == ["a.json", "a.json.reason.txt"]


def test_a_flood_of_alerts_is_started_in_parts_and_all_of_it(daemon):
    for number in range(130):
        daemon.drop(f"{number:03}.json", description=f"alert {number}", severity="warning")
    for number in range(23):
        daemon.drop(f"fatal-{number:02}.json", description=f"fatal {number}")
    sizes = [len(daemon.tick()) for _ in range(6)]
    assert max(sizes) <= 10
    assert sum(sizes) == 23
    assert len(daemon.archive()) == 130


def test_the_sensor_runs_by_itself_in_production_only():
    from stack.remediation.sensor import alert_sensor

    running = alert_sensor(running=True).default_status
    stopped = alert_sensor(running=False).default_status
    assert (running, stopped) == (
        dg.DefaultSensorStatus.RUNNING,
        dg.DefaultSensorStatus.STOPPED,
    )


@pytest.mark.parametrize("name", ["n" * 239 + ".json", "größe-アラート.json"])
def test_an_alert_of_any_name_ends_in_the_archive(daemon, name):
    daemon.drop(name)
    (request,) = daemon.tick()
    daemon.end(daemon.runs[request.run_key], "healed")
    daemon.tick()
    assert daemon.incoming() == []
    assert daemon.archive()["rows fail"]["outcome"] == "healed"


def test_an_alert_with_a_byte_order_mark_is_an_alert(daemon):
    file = daemon.drop("a.json")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(daemon.tick()) == 1


def test_an_alert_whose_name_is_not_utf8_is_rejected_with_the_reason_and_stops_no_other(daemon):
    file = daemon.drop("a.json")
    bad = file.rename(file.with_name("\udce9.json"))
    daemon.drop("b.json")
    assert len(daemon.tick()) == 1
    daemon.tick()
    assert not bad.exists()
    (reason,) = bad.parent.glob("rejected/*.reason.txt")
    assert "not UTF-8" in reason.read_text()

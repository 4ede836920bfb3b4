"""Bad data, from the alert to the archive."""

import json

from ingestion.assets import dlt_ingestion_pipeline
from integration.remediation.stack import Stack
from quality.assets import great_expectations_validation
from transformation.assets import dbt_test

ENTRIES = "freelancer_raw.books_time_entries"
MINUTES = "expect_column_values_to_be_between__minutes"


def test_rows_spoilt_in_the_warehouse_are_kept_and_loaded_again(stack: Stack) -> None:
    before = stack.sql(f"select * from {ENTRIES} order by all")
    spoilt = stack.sql(f"select min(time_entry_id), max(time_entry_id) from {ENTRIES}")[0]
    stack.sql(f"update {ENTRIES} set minutes = -30 where time_entry_id in {spoilt}")
    assert not stack.run(great_expectations_validation).success
    assert len(stack.waiting()) == 1

    (run,) = stack.tick()
    assert run.success
    assert stack.sql(f"select * from {ENTRIES} order by all") == before
    kept = stack.sql(
        "select (row_json ->> 'time_entry_id')::bigint, (row_json ->> 'minutes')::bigint "
        f"from quarantine.books_time_entries where check_name = '{MINUTES}' order by all"
    )
    assert kept == [(spoilt[0], -30), (spoilt[1], -30)]
    copies = (stack.home / "quarantine/remediation").glob("*/*.jsonl")
    lines = [json.loads(line) for copy in copies for line in copy.read_text().splitlines()]
    assert [line["record"]["minutes"] for line in lines] == [-30, -30]

    assert stack.tick() == []
    assert stack.waiting() == []
    (archived,) = stack.archived()
    assert archived["alert"]["type"] == "great_expectations_failure"
    handling = archived["handling"]
    assert handling["outcome"] == "healed"
    assert [r["run_id"] for r in handling["runs"]] == [run.run_id]
    assert handling["remaining"] == []
    assert stack.remediations() == 1


def test_what_an_export_has_wrong_is_not_healed_and_not_tried_again(stack: Stack) -> None:
    columns = [row[0] for row in stack.sql(f"describe {ENTRIES}")]
    (row,) = stack.sql(f"select * from {ENTRIES} where time_entry_id = 1")
    wrong = dict(zip(columns, row, strict=True)) | {
        "minutes": -30,
        "updated_at": "2099-01-01T00:00:00",
    }
    export = stack.home / "exports/books/time_entries/correction.jsonl"
    export.parent.mkdir(exist_ok=True)
    export.write_text(json.dumps(wrong, default=str) + "\n")
    assert stack.run(dlt_ingestion_pipeline).success
    assert not stack.run(great_expectations_validation).success

    (run,) = stack.tick()
    assert not run.success
    assert stack.tick() == []
    assert stack.tick() == []
    assert stack.remediations() == 1
    assert stack.waiting() == []
    (archived,) = stack.archived()
    assert archived["handling"]["outcome"] == "not_healed"
    assert any(MINUTES in line for line in archived["handling"]["remaining"])
    assert stack.sql(f"select minutes from {ENTRIES} where time_entry_id = 1") == [(-30,)]
    assert stack.sql("select count(*) from quarantine.books_time_entries") == [(1,)]


def test_a_row_that_is_there_twice_is_there_once_after_the_alert_of_dbt(stack: Stack) -> None:
    clients = "freelancer_raw.books_clients"
    before = stack.sql(f"select * from {clients} order by all")
    stack.sql(f"insert into {clients} select * from {clients} where client_id = 1")
    assert not stack.run(dbt_test).success
    (run,) = stack.tick()
    assert run.success
    assert stack.sql(f"select * from {clients} order by all") == before
    kept = dict(stack.sql("select check_name, count(*) from quarantine.books_clients group by all"))
    assert set(kept.values()) == {2}
    assert any("primary_key" in check for check in kept)
    stack.tick()
    assert [a["handling"]["outcome"] for a in stack.archived()] == ["healed"]

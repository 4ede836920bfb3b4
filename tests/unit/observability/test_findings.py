"""What is found to be wrong in facts, and what follows from what."""

from dataclasses import replace
from datetime import timedelta

import pytest

from observability.facts.model import (
    AlertFact,
    CatalogFact,
    DaemonFact,
    OutageFact,
    Outcome,
    SetAsideFact,
)
from observability.incidents.found import findings, kinds_looked_at
from observability.incidents.model import Kind, Severity
from support.known_facts import (
    DAY,
    HOUR,
    NIGHT,
    NOW,
    check,
    dead,
    facts,
    schedule,
    stale,
    table,
    turn,
)

GOOD, FAILED = Outcome.SUCCEEDED, Outcome.FAILED


def keys(found):
    return [finding.key for finding in found]


def test_a_good_night_is_no_finding():
    night = facts(
        pipelines=(turn(GOOD),),
        checks=(check(passed=True),),
        tables=(table(accounted_for=True),),
        automation=(schedule(NIGHT),),
        outages=(OutageFact("airbyte", "ok", NOW),),
        catalog=CatalogFact(NIGHT, "r", "file", 10, 0, 0),
    )
    assert findings(night, {"daily_pipeline_schedule": NIGHT - DAY}) == ()


def test_a_failed_pipeline_says_where_and_why():
    (found,) = findings(facts(pipelines=(turn(FAILED, tries=3),)))
    assert (found.kind, found.severity, found.step) == (Kind.PIPELINE, Severity.ERROR, "dbt_run")
    assert found.subject == "daily_data_pipeline failed in dbt_run after 3 runs"
    assert found.cause == "no such column: amount"
    assert found.run_id.endswith("-2")  # the last try


@pytest.mark.parametrize("later", [Outcome.RUNNING, Outcome.WAITING, Outcome.CANCELED])
def test_it_is_no_better_before_another_turn_succeeds(later):
    again = turn(later, NIGHT + HOUR)
    assert keys(findings(facts(pipelines=(again, turn(FAILED))))) == [
        "pipeline:daily_data_pipeline"
    ]
    assert not findings(facts(pipelines=(turn(GOOD, NIGHT + 2 * HOUR), again, turn(FAILED))))


@pytest.mark.parametrize(
    ("name", "mended"),
    [
        ("emergency_data_refresh", True),
        ("file_processing_pipeline", True),
        ("incremental_sync_pipeline", False),  # its own schedule begins it again
        ("backfill_pipeline", False),  # its days are nobody else's
        ("made_by_a_person", False),
    ],
)
def test_a_good_night_makes_good_what_nothing_begins_again(name, mended):
    night = facts(pipelines=(turn(GOOD), turn(FAILED, NIGHT - HOUR, name)))
    assert keys(findings(night)) == ([] if mended else [f"pipeline:{name}"])


def test_checks_and_tables_of_a_failed_pipeline_follow_from_it():
    night = turn(FAILED)
    found = findings(
        facts(
            pipelines=(night,),
            checks=(check(passed=False, run_id=night.runs[0].run_id),),
            tables=(stale(), stale("books_invoices", "raw")),
        )
    )
    assert [f.follows for f in found] == ["", *["pipeline:daily_data_pipeline"] * 3]


def test_a_check_of_another_run_is_a_finding_of_its_own():
    found = findings(facts(pipelines=(turn(FAILED),), checks=(check(passed=False, run_id="x"),)))
    assert [f.follows for f in found] == ["", ""]


@pytest.mark.parametrize(
    ("severity", "told"), [("error", Severity.ERROR), ("warn", Severity.WARNING)]
)
def test_a_failed_check_is_as_severe_as_it_says(severity, told):
    (found,) = findings(facts(checks=(check(passed=False, severity=severity),)))
    assert (found.severity, found.asset) == (told, ("marts", "cash_in"))


def test_a_pipeline_that_an_outage_failed_follows_from_the_outage():
    down = OutageFact("warehouse", "down", NOW, "connection refused", NIGHT)
    by_outage = turn(FAILED, reason="could not receive data from server: gone")
    watcher = turn(FAILED, NIGHT + HOUR, "pipeline_monitoring", reason="warehouse is down")
    found = findings(
        facts(
            pipelines=(
                watcher,
                by_outage,
            ),
            outages=(down,),
        )
    )
    assert found[0].key == "outage:warehouse"
    assert {f.follows for f in found[1:]} == {"outage:warehouse"}
    (alone,) = findings(facts(pipelines=(by_outage,)))
    assert alone.follows == ""
    assert "once the store is back" in alone.next_step


def test_a_schedule_that_did_not_begin_is_missed_and_what_was_stopped_then_is_not():
    late = facts(automation=(schedule(NIGHT - DAY),))
    (found,) = findings(late, {"daily_pipeline_schedule": NIGHT - DAY})
    assert "due at 2026-03-02 02:00 UTC" in found.cause
    assert not findings(late, {"daily_pipeline_schedule": NIGHT + HOUR})
    assert not findings(late)  # nobody has seen it run yet
    soon = facts(NIGHT + timedelta(minutes=5), automation=(schedule(NIGHT - DAY),))
    assert not findings(soon, {"daily_pipeline_schedule": NIGHT - DAY})


def test_a_dead_daemon_is_one_finding_and_what_it_did_not_start_follows():
    found = findings(
        facts(
            daemons=dead("SCHEDULER", "SENSOR"),
            automation=(schedule(NIGHT - DAY),),
            tables=(stale(),),
        ),
        {"daily_pipeline_schedule": NIGHT - DAY},
    )
    assert [(f.key.partition(":")[0], f.follows) for f in found] == [
        ("daemon", ""),
        ("automation", "daemon"),
        ("stale", "daemon"),
    ]


@pytest.mark.parametrize(
    ("minutes", "others", "subject"),
    [
        (4, 4, "the daemon is dead"),  # Dagster calls it healthy for half an hour
        (2, 2, ""),
        (4, 0, ""),  # a part among others may be at a long tick
        (11, 0, "the daemon's SENSOR is silent"),
        (11, 4, "the daemon is dead"),
    ],
)
def test_a_daemon_is_dead_after_minutes_and_a_part_silent_after_some_more(minutes, others, subject):
    parts = (
        *dead("SENSOR", silent=timedelta(minutes=minutes)),
        *dead("SCHEDULER", silent=timedelta(minutes=others)),
        DaemonFact("BACKFILL", None, healthy=False),  # never heard
    )
    found = findings(facts(daemons=parts, automation=(schedule(NIGHT),)))
    assert [f.subject for f in found] == ([subject] if subject else [])
    assert all(f.settle_s >= 120 for f in found)  # a machine that slept hears of it soon


def test_nobody_misses_a_daemon_where_nothing_runs_by_itself():
    assert not findings(facts(daemons=dead("SCHEDULER")))


def test_files_set_aside_are_one_finding_a_table():
    entries = [
        SetAsideFact(f"e{n}", f"{n}.csv", "no header", "expenses", 5, NIGHT + n * HOUR)
        for n in range(3)
    ]
    loose = SetAsideFact("e9", "notes.docx", "not a table", "", None, NIGHT)
    found = {f.key: f for f in findings(facts(set_aside=(*entries, loose)))}
    assert found["set_aside:expenses"].subject == "15 rows of expenses set aside"
    assert found["set_aside:"].subject == "1 file set aside"


def test_a_dependency_that_is_slow_at_one_look_is_nobodys_business_yet():
    slow = replace(check(passed=False, severity="warn"), path=("health", "github"))
    (found,) = findings(facts(checks=(slow,)))
    assert found.settle_s >= 1800


def test_the_check_of_what_is_set_aside_is_no_finding_before_and_after():
    aside = SetAsideFact("e", "a.csv", "no header", "expenses", 5, NIGHT)
    said = replace(check(passed=False), name="nothing_set_aside", path=("file_processing",))
    assert keys(findings(facts(set_aside=(aside,), checks=(said,)))) == ["set_aside:expenses"]
    assert keys(findings(facts(checks=(said,)))) == []  # put back, and not yet checked again


def test_the_check_of_all_loads_is_told_with_a_table_that_it_is_about():
    said = replace(check(passed=False), name="every_row_accounted_for")
    lost = table("books", "raw", accounted_for=False)
    found = {f.key: f.follows for f in findings(facts(tables=(lost,), checks=(said,)))}
    assert found["check:marts/cash_in:every_row_accounted_for"] == "unaccounted:raw/books"


def test_alerts_about_data_wait_and_those_of_outages_and_recoveries_are_left_to_outages():
    alerts = [
        AlertFact(f"{kind}-1.json", kind, severity, "told", NIGHT)
        for kind, severity in [
            ("validation_failed", "critical"),
            ("outage_airbyte", "error"),
            ("recovery_airbyte", "info"),
        ]
    ]
    (found,) = findings(facts(alerts=tuple(alerts)))
    assert (found.key, found.severity) == ("alert:validation_failed-1.json", Severity.ERROR)


def test_rows_and_catalog_are_judged():
    found = findings(
        facts(
            tables=(table(accounted_for=False),),
            catalog=CatalogFact(NIGHT, "r", "http://gms", 10, 0, 2),
        )
    )
    assert [f.kind for f in found] == [Kind.UNACCOUNTED, Kind.CATALOG]


def test_what_could_not_be_looked_at_is_not_judged():
    dark = kinds_looked_at(facts(unknown={"tables": "away", "quarantine": "away"}))
    assert {Kind.STALE, Kind.UNACCOUNTED, Kind.CATALOG, Kind.SET_ASIDE}.isdisjoint(dark)
    assert Kind.PIPELINE in dark

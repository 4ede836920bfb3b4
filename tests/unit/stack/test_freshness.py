from datetime import UTC, date, datetime, timedelta

import dagster as dg
import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stack.declarations import load_yaml
from stack.freshness import Freshness, FreshnessPolicy, Seen, judge
from stack.freshness.newest import freshness_metadata, newest_event, newest_of, policy_of
from stack.freshness.policy import DAYS
from stack.settings import WarehouseSettings

MOMENTS = st.timedeltas(timedelta(0), timedelta(days=3650)).map(
    lambda since: datetime(2020, 1, 1, tzinfo=UTC) + since
)
COUNTS = st.integers(1, 400)
POLICIES = st.one_of(
    st.builds(
        lambda minute, days: FreshnessPolicy(by=f"{minute // 60:02}:{minute % 60:02}", days=days),
        st.integers(0, 24 * 60 - 1),
        st.sets(st.sampled_from(DAYS), min_size=1).map(tuple),
    ),
    st.builds(
        lambda n, unit: FreshnessPolicy(within=f"{n} {unit}"),
        COUNTS,
        st.sampled_from(["hours", "days"]),
    ),
    st.builds(
        lambda n, unit: FreshnessPolicy(by="06:00", newest="day", at_most=f"{n} {unit}"),
        COUNTS,
        st.sampled_from(["hours", "days", "weekdays"]),
    ),
)
SEEN = st.builds(Seen, *[st.none() | MOMENTS] * 3)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def verdict(policy: str, now: str, **seen: str):
    known = Seen(**{name: at(moment) for name, moment in seen.items()})
    return judge(FreshnessPolicy.model_validate(load_yaml(policy)), known, at(now))


@given(policy=POLICIES, seen=SEEN, now=MOMENTS, later=st.timedeltas(timedelta(0)))
def test_time_alone_never_makes_a_stale_table_fresh(policy, seen, now, later):
    before = judge(policy, seen, now)
    after = judge(policy, seen, now + min(later, timedelta(days=4000)))
    if before.freshness is Freshness.STALE:
        assert (after.freshness, after.since) == (Freshness.STALE, before.since)
    if after.freshness is Freshness.FRESH:
        assert (before.freshness, before.until) == (Freshness.FRESH, after.until)
    if before.freshness is Freshness.UNKNOWN and after.freshness is not Freshness.UNKNOWN:
        assert after.freshness is Freshness.STALE


@given(policy=POLICIES, seen=SEEN, now=MOMENTS)
def test_a_verdict_agrees_with_its_own_moments(policy, seen, now):
    found = judge(policy, seen, now)
    if found.freshness is Freshness.STALE:
        assert found.since is not None
        assert found.since <= now
        instant_before = judge(policy, seen, found.since - timedelta(microseconds=1))
        assert instant_before.freshness is not Freshness.STALE
    if found.freshness is Freshness.FRESH:
        assert found.until is not None
        assert judge(policy, seen, found.until).freshness is Freshness.STALE


@given(policy=POLICIES, seen=SEEN, now=MOMENTS, newer=st.timedeltas(timedelta(0)))
def test_making_a_table_again_never_makes_it_stale(policy, seen, now, newer):
    if judge(policy, seen, now).freshness is not Freshness.FRESH:
        return
    made = min(now, seen.made + min(newer, timedelta(days=4000)))
    for again in (Seen(made, seen.held, seen.newest), Seen(seen.materialised, made, seen.newest)):
        assert judge(policy, again, now).freshness is Freshness.FRESH


@given(policy=POLICIES, newest=st.none() | MOMENTS)
def test_what_a_materialisation_tells_is_what_is_read_from_it(policy, newest):
    told = dg.AssetMaterialization("t", metadata=freshness_metadata(policy, newest)).metadata
    assert policy_of(told) == policy
    assert newest_of(told) == newest


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-27 23:59", "fresh"),
        ("2026-11-28 06:59", "fresh"),
        ("2026-11-28 07:00", "stale"),  # the night of the 28th never came
        ("2027-03-28 02:30", "stale"),  # a time that clocks of central Europe skip
    ],
)
def test_a_night_that_never_came_is_stale_from_its_deadline_on(now, expected):
    found = verdict("{by: '07:00'}", now, materialised="2026-11-27 02:04")
    assert str(found.freshness) == expected
    if expected == "stale":
        assert found.since == at("2026-11-28 07:00")
        assert found.sentence == (
            "stale since 2026-11-28 07:00 UTC: wanted made by 07:00 UTC each day; "
            "made 2026-11-27 02:04 UTC"
        )


def test_a_table_that_held_is_fresh_as_if_it_was_made():
    seen = {"materialised": "2026-11-20 02:04", "held": "2026-11-28 02:03"}
    found = verdict("{by: 07:00}", "2026-11-28 12:00", **seen)
    assert found.freshness is Freshness.FRESH
    assert found.until == at("2026-11-29 07:00")
    assert "found unchanged 2026-11-28 02:03 UTC" in found.sentence


def test_a_load_that_finds_nothing_new_is_in_time_but_its_data_may_be_too_old():
    policy = "{by: 07:00, newest: worked_on, at_most: 3 days}"
    seen = {"materialised": "2026-11-28 02:04", "newest": "2026-11-24"}
    assert verdict(policy, "2026-11-27 23:59", **seen).freshness is Freshness.FRESH
    found = verdict(policy, "2026-11-28 08:00", **seen)
    assert found.since == at("2026-11-28 00:00")
    assert found.sentence == (
        "stale since 2026-11-28 00:00 UTC: wanted newest worked_on at most 3 days old; "
        "made 2026-11-28 02:04 UTC, nothing newer in worked_on than 2026-11-24"
    )


@pytest.mark.parametrize(
    ("newest", "at_most", "since"),
    [
        ("2026-11-27", "1 weekday", "2026-12-01"),  # of Friday: Monday is the next weekday
        ("2026-11-28", "1 weekday", "2026-12-01"),  # of Saturday: as of Friday
        ("2026-11-27", "0 weekdays", "2026-11-30"),
        ("2026-11-25", "6 weekdays", "2026-12-04"),
        ("2026-11-27 15:00", "1 day", "2026-11-29"),
        ("2026-11-27 15:00", "36 hours", "2026-11-29 03:00"),
    ],
)
def test_weekends_count_for_days_and_not_for_weekdays(newest, at_most, since):
    policy = f"{{newest: day, at_most: {at_most}}}"
    found = verdict(policy, "2026-12-31", materialised="2026-12-31", newest=newest)
    assert found.since == at(since)


def test_a_table_wanted_on_weekdays_waits_for_monday():
    policy = "{by: 07:00, days: weekdays}"
    found = verdict(policy, "2026-12-31", materialised="2026-11-27 02:00")
    assert found.since == at("2026-11-30 07:00")


@pytest.mark.parametrize(
    ("policy", "seen", "said"),
    [
        ("{by: 10:30}", {}, "wanted made by 10:30 UTC each day; it was never made"),
        (
            "{newest: day, at_most: 1 day}",
            {"materialised": "2026-11-28 02:00"},
            "wanted newest day at most 1 day old; it has no day that isn't in the future",
        ),
    ],
)
def test_what_was_never_made_or_has_no_date_can_not_be_told(policy, seen, said):
    found = verdict(policy, "2026-11-28 03:00", **seen)
    assert (found.freshness, found.sentence) == (Freshness.UNKNOWN, said)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{}", "none of by, within and newest"),
        ("{by: 25:00}", "by"),
        ("{by: 07:00, within: 3 hours}", "expected one of them"),
        ("{within: 3 hours, days: weekdays}", "days without by"),
        ("{newest: day}", "belong together"),
        ("{newest: day, at_most: 3 weeks}", "at_most"),
        ("{by: 07:00, days: [someday]}", "days"),
        ("{until: 07:00}", "until"),
    ],
)
def test_a_policy_that_says_nothing_or_two_things_is_refused(policy, said):
    with pytest.raises(ValidationError, match=said):
        FreshnessPolicy.model_validate(load_yaml(policy))


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
def test_the_newest_event_is_never_one_of_the_future(kind, tmp_path):
    settings = WarehouseSettings(stack_home=tmp_path)
    today = datetime.now(UTC).date()
    values = ["2062-01-01", "infinity", str(today - timedelta(days=9)), "2020-01-01"]
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f'create table t ("a day" {kind}, word varchar)')
        for value in values:
            connection.execute(f"insert into t values ('{value}', 'x')")
        found = newest_event(connection, settings, "main", "t", "a day")
        assert found is not None
        assert found.date() == today - timedelta(days=9)
        assert newest_event(connection, settings, "main", "t", "word") is None
        assert newest_event(connection, settings, "main", "t", "gone") is None
        connection.execute('delete from t where not isfinite("a day") or "a day" < \'2062-01-01\'')
        assert newest_event(connection, settings, "main", "t", "a day") is None


def test_a_day_is_new_until_it_is_too_old_by_the_calendar():
    policy = FreshnessPolicy(newest="day", at_most="0 days")
    today = datetime.combine(date(2026, 11, 28), datetime.min.time(), UTC)
    found = judge(policy, Seen(today, None, today), today)
    assert found.until == today + timedelta(days=1)

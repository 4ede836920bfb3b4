"""A sensor remembers its place or starts over; it runs by itself only in production."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.pipelines import FILES
from stack.sensors import Moment, SensorCursor, in_production, pipeline_sensor
from stack.settings import StackSettings, load_settings

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Place(SensorCursor):
    line: int = 0
    until: Moment | None = None


FRESH = Place(source="inbox")


def test_a_cursor_is_read_as_it_was_written():
    place = Place(source="inbox", line=3, until=NOON)
    assert Place.load(place.dump(), FRESH) == place
    assert place.dump() == f'{{"source":"inbox","line":3,"until":{NOON.timestamp()}}}'


def test_a_cursor_of_something_else_is_not_used():
    assert Place.load(Place(source="outbox", line=3).dump(), FRESH) is FRESH


@given(st.text() | st.binary().map(repr) | st.just("[" * 100_000))
def test_any_text_in_the_cursors_place_begins_anew(text):
    assert Place.load(text, FRESH) is FRESH


@pytest.mark.parametrize(
    ("text", "told"),
    [("", 0), (None, 0), ("{", 1), ('{"source": "inbox", "line": "last"}', 1), ("[]", 1)],
)
def test_only_what_cannot_be_read_is_told(caplog, text, told):
    assert Place.load(text, FRESH) is FRESH
    assert caplog.text.count("the cursor can't be read, so it begins anew: ") == told


@pytest.mark.parametrize(("environment", "status"), [("prod", "RUNNING"), ("dev", "STOPPED")])
def test_it_runs_by_itself_in_production_only(stack_home, monkeypatch, environment, status):
    monkeypatch.setenv("DAGSTER_ENV", environment)
    sensor = pipeline_sensor(FILES, lambda _: dg.SkipReason(), running=in_production(), name="any")
    assert (sensor.job_name, sensor.default_status.name) == (FILES.name, status)


def test_a_setting_that_turned_wrong_skips_the_tick(stack_home, monkeypatch):
    def evaluate(_: dg.SensorEvaluationContext) -> dg.SensorResult:
        load_settings(StackSettings)
        return dg.SensorResult()

    sensor = pipeline_sensor(FILES, evaluate, running=False, name="any")
    monkeypatch.setenv("DAGSTER_ENV", "production")
    assert "DAGSTER_ENV: got" in str(sensor.evaluate_tick(dg.build_sensor_context()).skip_message)

"""Alerts: one file an event, even if the step that writes it is retried."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from stack.alerts import Alert, write_alert


def alert(**changes):
    fields = {
        "type": "dbt_test_failure",
        "severity": "error",
        "description": "2 rows",
        "source": "dbt",
    }
    return Alert(**(fields | changes))


def test_a_retried_step_writes_one_alert(tmp_path):
    first = write_alert(str(tmp_path), alert(run_id="r1"))
    second = write_alert(str(tmp_path), alert(run_id="r1", description="3 rows"))
    assert first == second
    assert json.loads(Path(second).read_text())["description"] == "3 rows"
    assert len(list(tmp_path.iterdir())) == 1


def test_two_runs_write_two_alerts(tmp_path):
    write_alert(str(tmp_path), alert(run_id="r1"))
    write_alert(str(tmp_path), alert(run_id="r2"))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "changes", [{"severity": "bad"}, {"type": "Not a slug"}, {"description": ""}, {"extra": 1}]
)
def test_an_alert_that_no_sensor_could_read_is_refused(changes):
    with pytest.raises(ValidationError):
        alert(**changes)

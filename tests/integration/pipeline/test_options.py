"""`emergency_data_refresh` with its options, on a stack that has already run."""

import json
import shutil

import pytest

from stack.settings import WarehouseSettings
from support.contents import contents


@pytest.fixture
def again(ran, stack):
    """A copy of the stack after its first run."""
    shutil.copytree(ran.stack.home, stack.home)
    return stack


def refresh(stack, *options: str):
    return stack.run_pipeline("emergency_data_refresh", *options)


def validations(stack) -> int:
    """Runs that left a result of Great Expectations."""
    return sum((run / "gx").exists() for run in (stack.home / "artifacts" / "runs").iterdir())


def test_the_options_together_do_what_each_says(ran, again):
    validated_before = validations(again)
    result = refresh(
        again, "--skip-validations", "--force-full-refresh", "--target-models", "+cash_in"
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "skip_validations: nothing is validated in this run" in result.stdout
    assert "✔ datahub_metadata_ingestion" in result.stdout
    artifacts = again.home / "artifacts"
    assert validations(again) == validated_before
    for source in ("airbyte", "books"):
        loads = json.loads((artifacts / f"latest/load/{source}.json").read_text())
        assert all(t["rows_loaded"] >= t["rows_total"] > 0 for t in loads["tables"].values())
    built = json.loads((artifacts / "latest/dbt/run_results.json").read_text())
    names = {node["unique_id"].split(".")[2] for node in built["results"]}
    assert "cash_in" in names
    assert "revenue_by_month" not in names
    tested = json.loads((artifacts / "latest/dbt/test_results.json").read_text())
    assert 0 < len(tested["results"]) < 100
    assert contents(WarehouseSettings(stack_home=again.home)) == contents(ran.warehouse)


def test_a_target_model_that_is_not_there_stops_the_run_before_its_first_step(again):
    result = refresh(again, "--target-models", "+revenue_by_mont")
    assert result.returncode == 1
    assert "did you mean revenue_by_month?" in result.stdout + result.stderr
    assert "▸" not in result.stdout

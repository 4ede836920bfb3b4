"""Settings: a wrong value fails with one line, and a secret is never shown."""

import pytest

from catalog.settings import DataHubSettings
from stack.settings import SettingsError, StackSettings, WarehouseSettings, load_settings


def test_a_wrong_value_names_variable_value_and_what_it_accepts(stack_home, monkeypatch):
    monkeypatch.setenv("DLT_DESTINATION", "postgres")
    with pytest.raises(SettingsError) as error:
        load_settings(WarehouseSettings)
    assert str(error.value) == (
        "DLT_DESTINATION: got 'postgres', but it accepts 'duckdb' or 'ducklake'; "
        "correct it in the environment or .env"
    )


def test_an_empty_variable_counts_as_unset(stack_home, monkeypatch):
    monkeypatch.setenv("DAGSTER_ENV", "")
    assert load_settings(StackSettings).dagster_env == "dev"


def test_a_dotenv_file_is_honoured_and_the_environment_wins(stack_home, monkeypatch, tmp_path):
    file = tmp_path / ".env"
    file.write_text("DAGSTER_ENV=prod\nDLT_DATASET_NAME=from_file\n")
    monkeypatch.setattr("stack.settings.env_files", lambda: (file,))
    monkeypatch.setenv("DLT_DATASET_NAME", "from_environment")
    assert load_settings(StackSettings).dagster_env == "prod"
    assert load_settings(WarehouseSettings).dlt_dataset_name == "from_environment"


def test_a_secret_is_in_no_repr(stack_home, monkeypatch):
    monkeypatch.setenv("DATAHUB_GMS_TOKEN", "hunter2")
    settings = load_settings(DataHubSettings)
    assert "hunter2" not in repr(settings)
    assert settings.datahub_gms_token.get_secret_value() == "hunter2"

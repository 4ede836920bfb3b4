"""DAGSTER_HOME: the checkout's dagster.yaml, with the configured run storage."""

import os

import pytest
import yaml

from stack.one_machine.home import HomeError, prepare_dagster_home
from stack.settings import StackSettings, load_settings


def test_runs_are_kept_in_files_by_default(stack_home):
    home = prepare_dagster_home(load_settings(StackSettings))
    config = yaml.safe_load((home / "dagster.yaml").read_text())
    assert home == stack_home / "dagster"
    assert "storage" not in config
    assert config["concurrency"]["runs"]["max_concurrent_runs"] == 10


def test_runs_are_kept_in_postgres_where_its_url_is_set_and_no_file_has_the_password(
    stack_home, monkeypatch
):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql://dagster:hunter2@db/dagster")
    home = prepare_dagster_home(load_settings(StackSettings))
    text = (home / "dagster.yaml").read_text()
    assert yaml.safe_load(text)["storage"]["postgres"]["postgres_url"] == {
        "env": "DAGSTER_POSTGRES_URL"
    }
    assert "hunter2" not in text


def test_a_url_that_only_the_env_file_has_reaches_dagster(stack_home, monkeypatch, tmp_path):
    url = "postgresql://dagster:hunter2@db/dagster"
    file = tmp_path / ".env"
    file.write_text(f"DAGSTER_POSTGRES_URL={url}\n")
    monkeypatch.setattr("stack.settings.env_files", lambda: (file,))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "set and taken back, so that it is undone")
    monkeypatch.delenv("DAGSTER_POSTGRES_URL")
    prepare_dagster_home(load_settings(StackSettings))
    assert os.environ["DAGSTER_POSTGRES_URL"] == url


def test_a_missing_template_is_named(stack_home, tmp_path):
    with pytest.raises(HomeError, match=r"dagster\.yaml"):
        prepare_dagster_home(load_settings(StackSettings), template=tmp_path / "none.yaml")

"""An asset that asks for much memory gets it, in the form shown in Dagster's docs."""

import dagster as dg
import pytest

from stack.compute import RESOURCE, Compute
from stack.settings import SettingsError, WarehouseSettings, load_settings
from stack.warehouse.connection import duckdb_config
from stack.warehouse.limits import PROFILES, duckdb_threads, memory_bytes


def limits_of(settings: WarehouseSettings) -> tuple[str, str]:
    config = duckdb_config(settings)
    return str(config["memory_limit"]), str(config["threads"])


def expected(profile: str) -> tuple[str, str]:
    chosen = PROFILES[profile]
    memory = int(memory_bytes() * chosen.memory_share / 1e6)
    return f"{memory}MB", str(duckdb_threads(chosen.cpu_share))


def seen_by(**declared) -> tuple[str, str]:
    @dg.asset(required_resource_keys={RESOURCE}, **declared)
    def some_asset(context: dg.AssetExecutionContext):
        seen.append(limits_of(context.resources.compute.warehouse(context)))

    seen: list[tuple[str, str]] = []
    assert dg.materialize([some_asset], resources={RESOURCE: Compute()}).success
    return seen[0]


def test_a_setting_chooses_for_every_run(stack_home, monkeypatch):
    assert limits_of(load_settings(WarehouseSettings)) == expected("standard")
    monkeypatch.setenv("COMPUTE_PROFILE", "high_memory")
    assert limits_of(load_settings(WarehouseSettings)) == expected("high_memory")


@pytest.mark.parametrize("declared", [{"compute_kind": "high_memory"}, {"kinds": {"high_memory"}}])
def test_an_asset_asks_for_another_profile(stack_home, declared):
    assert seen_by(**declared) == expected("high_memory")


def test_an_asset_that_asks_for_none_has_that_of_the_setting(stack_home, monkeypatch):
    assert seen_by(kinds={"python"}) == expected("standard")
    monkeypatch.setenv("COMPUTE_PROFILE", "high_memory")
    assert seen_by() == expected("high_memory")


def test_a_limit_that_is_set_outdoes_the_profile(stack_home, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_MEMORY_LIMIT", "123MB")
    assert seen_by(kinds={"high_memory"})[0] == "123MB"


def test_an_unknown_profile_is_refused_with_those_that_exist(stack_home, monkeypatch):
    monkeypatch.setenv("COMPUTE_PROFILE", "huge")
    with pytest.raises(SettingsError, match=r"COMPUTE_PROFILE: got 'huge'.*'high_memory'"):
        load_settings(WarehouseSettings)

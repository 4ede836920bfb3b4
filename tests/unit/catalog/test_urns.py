"""URNs: what they are, and what they don't depend on."""

import pytest

from catalog.urns import FABRICS, Naming, owner
from stack.settings import StackSettings


def test_names_of_tables_their_dbt_siblings_and_steps():
    naming = Naming("warehouse", "PROD")
    assert naming.table("marts", "cash_in") == (
        "urn:li:dataset:(urn:li:dataPlatform:duckdb,warehouse.marts.cash_in,PROD)"
    )
    assert naming.dbt_node("marts", "cash_in") == (
        "urn:li:dataset:(urn:li:dataPlatform:dbt,warehouse.marts.cash_in,PROD)"
    )
    assert naming.job("daily_data_pipeline", "dbt_run") == (
        "urn:li:dataJob:(urn:li:dataFlow:(dagster,daily_data_pipeline,PROD),dbt_run)"
    )


def test_an_instance_is_part_of_the_name():
    naming = Naming("warehouse", "DEV", "acme")
    assert naming.table("marts", "cash_in") == (
        "urn:li:dataset:(urn:li:dataPlatform:duckdb,acme.warehouse.marts.cash_in,DEV)"
    )
    assert "acme.daily_data_pipeline,DEV" in naming.flow("daily_data_pipeline")


def test_each_fabric_and_instance_has_containers_of_its_own():
    namings = [Naming("w", "DEV"), Naming("w", "PROD"), Naming("w", "DEV", "a"), Naming("v")]
    assert len({naming.database_key().as_urn() for naming in namings}) == 4
    assert len({naming.schema_key("marts").as_urn() for naming in namings}) == 4


def test_a_schema_container_is_in_its_database():
    naming = Naming("w")
    parent = naming.schema_key("marts").parent_key()
    assert parent is not None
    assert parent.as_urn() == naming.database_key().as_urn()


def test_every_dagster_env_has_a_fabric():
    [env] = [StackSettings.model_fields["dagster_env"].annotation]
    assert set(FABRICS) == set(env.__args__)


def test_an_expectation_keeps_its_urn_in_every_process():
    naming = Naming("warehouse")
    table = naming.table("marts", "cash_in")
    first = naming.expectation(table, "amount_is_positive")
    assert first == "urn:li:assertion:b7c6c7d216f8287bb62ff1433335efa2"
    assert first != naming.expectation(table, "amount_is_known")
    assert first != naming.expectation(naming.table("marts", "x"), "amount_is_positive")


@pytest.mark.parametrize(
    ("name", "urn"),
    [
        ("team:books", "urn:li:corpGroup:books"),
        ("ada@example.org", "urn:li:corpuser:ada@example.org"),
        ("ada", "urn:li:corpuser:ada"),
    ],
)
def test_a_team_is_a_group_and_anyone_else_a_user(name, urn):
    assert owner(name) == urn

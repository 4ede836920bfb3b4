"""What holds since an earlier run isn't made or checked again, by dbt itself on both warehouses."""

from collections.abc import Callable

import dagster as dg

from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import MANIFEST as MANIFEST_ARTIFACT
from stack.dbt_artifacts import RUN_RESULTS, TEST_RESULTS
from stack.held import Claim, read_claims, write_claims
from stack.options import options_config
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect
from stack.warehouse.versions import relations
from tests.integration.transformation.books_and_shop import all_models, load
from tests.integration.transformation.conftest import Modelled
from transformation.assets import MANIFEST, dbt_run, dbt_test
from transformation.holding import MODELS
from transformation.idle import idle

SHOP_ONLY = {"stg_shop__products", "stg_shop__customers", "stg_shop__purchases", "shop_customers"}
A_PAYMENT = {"payment_id": 901, "invoice_id": 1, "currency": "EUR", "amount": 1}


def run(instance, **options) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [dbt_run, dbt_test],
        instance=instance,
        run_config=options_config(**options),
        raise_on_error=False,
    )


def made(result) -> set[str]:
    keys = [event.asset_key for event in result.get_asset_materialization_events()]
    return {key.path[-1] for key in keys if len(key.path) > 1}


def held(result) -> set[str]:
    return {event.asset_key.path[-1] for event in result.get_asset_observation_events()}


def judged(result) -> set[tuple[str, str]]:
    """Tests that were judged in this run: what holds says since when."""
    found = result.get_asset_check_evaluations()
    return {(e.asset_key.path[-1], e.check_name) for e in found if "holds_since" not in e.metadata}


def store() -> ArtifactStore:
    return ArtifactStore(load_settings(StackSettings).artifacts)


ALL = {model.table for model in MANIFEST.models}


def test_nothing_is_made_or_judged_again_without_news(on_each: WarehouseSettings, instance):
    before = store().get(RUN_RESULTS), store().get(TEST_RESULTS), store().get(MANIFEST_ARTIFACT)
    first = next(iter(read_claims(store(), MODELS).values())).run_id
    result = run(instance)
    assert result.success
    assert (made(result), held(result), judged(result)) == (set(), ALL, set())
    found = idle()
    assert found
    assert found.told.startswith(f"{len(ALL)} models and {len(MANIFEST.tests)} tests hold since 2")
    assert {key.rpartition("/")[2] for key in found.assets} == ALL | {"dbt_run", "dbt_test"}
    assert len(result.get_asset_check_evaluations()) == len(MANIFEST.tests)
    for event in result.get_asset_observation_events():
        said = event.event_specific_data.asset_observation.metadata["holds_since"]
        assert said == dg.MetadataValue.dagster_run(first)
    assert before == (
        store().get(RUN_RESULTS),
        store().get(TEST_RESULTS),
        store().get(MANIFEST_ARTIFACT),
    )


def test_news_of_a_raw_table_make_what_hangs_on_it(on_each: WarehouseSettings, instance):
    load(on_each, {"books_payments": [A_PAYMENT | {"paid_on": "2025-03-01"}]})
    assert idle() is None
    result = run(instance)
    assert result.success
    assert {"cash_in", "int_payments_converted"} <= made(result)
    assert held(result) == ALL - made(result)
    assert held(result) >= SHOP_ONLY
    tested = {table for table, _ in judged(result)}
    assert "cash_in" in tested
    assert not tested & SHOP_ONLY
    outcomes = store().get_json(RUN_RESULTS)["results"]
    assert {o["unique_id"] for o in outcomes} == {m.unique_id for m in MANIFEST.models}
    nodes = store().get_json(MANIFEST_ARTIFACT)["nodes"]
    assert all(nodes[m.unique_id]["compiled_code"] for m in MANIFEST.models)
    tests = store().get_json(TEST_RESULTS)["results"]
    assert {o["unique_id"] for o in tests} == set(MANIFEST.tests)
    by_holding = all_models(on_each)
    full = dg.materialize([dbt_run], instance=instance, tags={"option/full": "true"})
    assert made(full) == ALL
    assert all_models(on_each) == by_holding


def versions(result) -> dict[str, tuple[str, str]]:
    """Code and data versions by model, as Dagster has them."""
    tags = ("dagster/code_version", "dagster/data_version")
    return {
        event.asset_key.path[-1]: tuple(event.materialization.tags[tag] for tag in tags)
        for event in result.get_asset_materialization_events()
        if len(event.asset_key.path) > 1
    }


def test_a_full_run_makes_and_judges_all_and_tells_versions_of_definitions_and_contents(
    modelled: WarehouseSettings, modelled_homes: Callable[[str], Modelled], instance
):
    first = versions(modelled_homes("duckdb").result)
    assert first.keys() == ALL
    assert len(set(first.values())) == len(ALL)
    load(modelled, {"books_payments": [A_PAYMENT | {"paid_on": "2025-03-01"}]})
    result = run(instance, full=True)
    assert (made(result), held(result)) == (ALL, set())
    assert len(judged(result)) == len(MANIFEST.tests)
    after = versions(result)
    assert {table for table in ALL if after[table][0] != first[table][0]} == set()
    changed = {table for table in ALL if after[table][1] != first[table][1]}
    assert {"cash_in", "stg_books__payments"} <= changed
    assert not changed & SHOP_ONLY


BY_HAND = {
    "revenue_by_month": "drop table marts.revenue_by_month",
    "shop_customers": "update marts.shop_customers set spent_eur = spent_eur + 1",
    "stg_books__payments": "create or replace view staging.stg_books__payments as "
    "select * from {raw}.books_payments where false",
}


def test_a_hand_in_the_warehouse_is_noticed(on_each: WarehouseSettings, instance):
    """None of them builds on another, so each is noticed by itself."""
    right = all_models(on_each)
    with connect(on_each) as connection:
        for statement in BY_HAND.values():
            connection.execute(statement.format(raw=on_each.dlt_dataset_name))
    assert idle() is None
    result = run(instance)
    assert result.success
    assert made(result) >= {*BY_HAND, "cash_in"}
    assert all_models(on_each) == right


def test_a_column_that_a_macro_looks_for_is_noticed(modelled: WarehouseSettings, instance):
    """A full export marks rows that are gone in a column that the table had not."""
    payments = f"{modelled.dlt_dataset_name}.books_payments"
    with connect(modelled) as connection:
        connection.execute(f"alter table {payments} add column if not exists _removed_at timestamp")
    assert run(instance).success
    with connect(modelled) as connection:
        connection.execute(f"update {payments} set _removed_at = now()::timestamp")
    assert run(instance).success
    with connect(modelled, read_only=True) as connection:
        query = "select count(*) from staging.stg_books__payments"
        assert connection.execute(query).fetchone() == (0,)


def test_a_test_that_failed_is_judged_until_it_passes(modelled: WarehouseSettings, instance):
    schema = modelled.dlt_dataset_name
    with connect(modelled) as connection:
        connection.execute(f"update {schema}.books_payments set invoice_id = 404")
    failing = ("stg_books__payments", "invoice_of_payments_exists")
    for _ in range(2):
        result = run(instance)
        assert not result.success
        assert failing in judged(result)
        assert idle() is None
    with connect(modelled) as connection:
        connection.execute(f"delete from {schema}.books_payments")
    assert failing in judged(run(instance))
    assert failing not in judged(run(instance))


def test_a_model_that_failed_is_made_until_it_works(modelled: WarehouseSettings, instance):
    with connect(modelled) as connection:
        connection.execute("drop table marts.cash_in")
        connection.execute("create schema if not exists x; create view marts.cash_in as select 1")
        connection.execute("create view x.on_it as select * from marts.cash_in")
    assert "cash_in" in made(run(instance))
    assert "cash_in" in held(run(instance))


def test_a_full_refresh_makes_and_judges_all(modelled: WarehouseSettings, instance):
    result = run(instance, force_full_refresh=True)
    assert (made(result), held(result)) == (ALL, set())
    assert len(judged(result)) == len(MANIFEST.tests)


def test_models_that_are_named_are_made(modelled: WarehouseSettings, instance):
    assert made(run(instance, target_models="cash_in")) == {"cash_in"}
    assert held(run(instance)) == ALL


def test_a_full_run_tells_of_what_held_and_should_not_have(modelled: WarehouseSettings, instance):
    """As if the mechanism had a fault: the claim says that the edited table is right."""
    with connect(modelled) as connection:
        connection.execute("update marts.cash_in set received_eur = received_eur + 1")
    with connect(modelled, read_only=True) as connection:
        [edited] = relations(connection, modelled, [("marts", "cash_in")]).values()
    claims = read_claims(store(), MODELS)
    [uid] = [uid for uid in claims if uid.endswith(".cash_in")]
    wrong = Claim.model_validate(claims[uid].model_dump() | {"output": edited.version})
    write_claims(store(), MODELS, "fault", claims | {uid: wrong})
    assert "cash_in" in held(run(instance))
    result = run(instance, full=True)
    assert result.success
    [alert] = (modelled.stack_home / "alerts").glob("held_was_stale-*.json")
    assert '"marts.cash_in"' in alert.read_text()
    assert "cash_in" in held(run(instance))


def test_claims_that_can_not_be_read_hold_nothing(modelled: WarehouseSettings, instance):
    store().put("broken", MODELS, b'{"claims": {"x": 1}}')
    assert made(run(instance)) == ALL

"""Loading the code location."""

from pathlib import Path

from quality.assets import CHECKPOINT, great_expectations_checks, great_expectations_validation


def test_every_expectation_is_declared_as_a_check_of_its_table(stack_home: Path) -> None:
    declared = {(key.asset_key.path[0], key.asset_key.path[1], key.name)
                for key in great_expectations_checks.check_keys}  # fmt: skip
    expected = {(e.schema, e.table, e.name) for s in CHECKPOINT.suites for e in s.expectations}
    assert declared == expected


def test_the_asset_is_where_the_graph_expects_it(stack_home: Path) -> None:
    (spec,) = great_expectations_validation.specs
    assert spec.group_name == "quality"
    assert [dep.asset_key.to_user_string() for dep in spec.deps] == ["dbt_test"]
    assert great_expectations_validation.op.pool == "warehouse"

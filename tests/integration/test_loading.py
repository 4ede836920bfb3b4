"""The cost of loading the code locations, which a process pays for each run and each tick."""

import pytest

from stack.pipelines import Stage
from support.stack_process import StackProcess

HEAVY = {
    *("avrogen", "dagster_airbyte", "datahub", "dbt", "dlt", "duckdb", "great_expectations"),
    *("pandas", "pyarrow", "requests", "sqlalchemy.engine.create", "sqlglot"),
    *("dagster_k8s", "kubernetes", "pods"),
}
CODE = f"""
import importlib, sys
import dagster
before = set(sys.modules)
for stage in {[str(stage) for stage in Stage]}:
    importlib.import_module(stage + ".definitions")
print(*set(sys.modules) - before)
"""


@pytest.mark.parametrize("executor", ["in-process", "k8s-job"])
def test_loading_all_locations_imports_nothing_heavy(tmp_path, executor):
    stack = StackProcess(tmp_path / "stack", {"RUN_EXECUTOR": executor})
    loaded = set(stack.run("-c", CODE).stdout.split())
    assert {f"{stage}.definitions" for stage in Stage} <= loaded
    assert not HEAVY & loaded

"""The same loads and models end with the same marts on the other warehouse.

What else a pipeline does with a lake is in the tests of quality and catalog, and for a lake in
Postgres and S3 in those on a cluster.
"""

from stack.pipelines import INCREMENTAL_SYNC
from stack.settings import WarehouseSettings
from support.contents import contents
from support.later_shop import later_shop


def test_a_ducklake_on_postgres_and_s3_has_the_same_tables_as_a_file(
    ran, stack, database_url, s3, tmp_path
):
    stack.environment = {
        "DLT_DESTINATION": "ducklake",
        "DUCKLAKE_CATALOG_URL": database_url,
        "DUCKLAKE_DATA_URL": f"s3://{s3.bucket}/daily",
        **s3.environment(),
        **later_shop(tmp_path / "connectors"),
    }
    stack.write_sample_data()
    result = stack.run_pipeline(INCREMENTAL_SYNC.name)
    assert result.returncode == 0, result.stdout + result.stderr
    lake = WarehouseSettings(
        stack_home=stack.home,
        **{k.lower(): v for k, v in stack.environment.items()},
    )
    assert contents(lake) == contents(ran.warehouse)
    assert not (stack.home / "warehouse.duckdb").exists()

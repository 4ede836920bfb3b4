"""What the transformation stage brings."""

from stack.locations import Location
from stack.pipelines import Stage
from stack.settings import WarehouseSettings
from transformation.assets import MANIFEST, dbt_run, dbt_test
from transformation.checks import dbt_data_tests
from transformation.freshness import freshness_of
from transformation.health import HEALTH
from transformation.remediation import remediation_rebuild
from transformation.settings import DbtSettings

LOCATION = Location(
    stage=Stage.TRANSFORMATION,
    settings=[WarehouseSettings, DbtSettings],
    assets=[dbt_run, dbt_test],
    checks=[dbt_data_tests],
    special_assets=[remediation_rebuild],
    health=HEALTH,
    idle="transformation.idle",
    freshness=freshness_of(MANIFEST),
)

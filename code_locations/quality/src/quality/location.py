"""What the quality stage brings."""

from quality.assets import great_expectations_checks, great_expectations_validation
from quality.health import HEALTH
from quality.remediation import remediation_validation
from quality.settings import GreatExpectationsSettings
from stack.locations import Location
from stack.pipelines import Stage
from stack.settings import WarehouseSettings

LOCATION = Location(
    stage=Stage.QUALITY,
    settings=[WarehouseSettings, GreatExpectationsSettings],
    assets=[great_expectations_validation],
    checks=[great_expectations_checks],
    special_assets=[remediation_validation],
    health=HEALTH,
    idle="quality.idle",
)

"""What the ingestion stage brings."""

from ingestion.settings import AirbyteSettings, DltSettings, GitHubSettings
from stack.locations import Location
from stack.pipelines import Stage
from stack.settings import WarehouseSettings

LOCATION = Location(
    stage=Stage.INGESTION,
    settings=[WarehouseSettings, AirbyteSettings, DltSettings, GitHubSettings],
    assets=[],
)

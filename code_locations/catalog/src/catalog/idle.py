"""Whether `datahub_metadata_ingestion` has nothing to do: `python -m catalog.idle`."""

from catalog.holding import Look
from stack.idle import Idle, print_idle

ASSET = "datahub_metadata_ingestion"


def idle() -> Idle | None:
    """The claim, if the catalog is up to date."""
    claim = Look.now().claim_that_holds()
    return Idle(count="all of the catalog's aspects", assets={ASSET: claim}) if claim else None


if __name__ == "__main__":
    print_idle(idle)

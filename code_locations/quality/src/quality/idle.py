"""Whether `great_expectations_validation` has nothing to do: `python -m quality.idle`."""

from quality.declarations import load_checkpoint
from quality.holding import EXPECTATIONS, fingerprints, held_results
from quality.settings import GreatExpectationsSettings
from stack.artifacts import ArtifactStore
from stack.gx_artifacts import read_validation
from stack.held import latest, read_claims
from stack.idle import Idle, print_idle
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect

ASSET = "great_expectations_validation"


def idle() -> Idle | None:
    """The claims, if all expectations hold."""
    settings = load_settings(GreatExpectationsSettings)
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    suites = load_checkpoint(settings.project_dir, settings.ge_checkpoint_name).suites
    claims = read_claims(store, EXPECTATIONS)
    if not claims or read_validation(store) is None:
        return None
    warehouse = load_settings(WarehouseSettings)
    with connect(warehouse, read_only=True) as connection:
        found = fingerprints(connection, warehouse, suites)
    held = held_results(suites, found, claims)
    if held.keys() != found.keys():
        return None
    last = latest(claim for _, claim in held.values())
    return Idle(count=f"{len(held)} expectations", assets={ASSET: last})


if __name__ == "__main__":
    print_idle(idle)

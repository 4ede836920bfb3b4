"""Whether `dbt_run` and `dbt_test` have nothing to do: `python -m transformation.idle`."""

from stack.artifacts import ArtifactStore
from stack.held import latest
from stack.idle import Idle, print_idle
from stack.settings import StackSettings, WarehouseSettings, load_settings
from transformation.daily import Daily
from transformation.graph import graph_of
from transformation.project import load_manifest, load_project
from transformation.specs import RUN, TEST, key_of


def idle() -> Idle | None:
    """The claims, if all models and tests hold."""
    project = load_project()
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    daily = Daily(project, load_settings(WarehouseSettings), store, run_id="", lets_hold=True)
    found = daily.holding()
    if found is None:
        return None
    models, tests = found
    tables = graph_of(load_manifest(project)).tables
    of_stage = {RUN: models, TEST: tests}
    claims = {key: latest(found.values()) for key, found in of_stage.items() if found}
    claims |= {key_of(tables[uid]): claim for uid, claim in models.items()}
    return Idle(
        count=f"{len(models)} models and {len(tests)} tests",
        assets={key.to_user_string(): claim for key, claim in claims.items()},
    )


if __name__ == "__main__":
    print_idle(idle)

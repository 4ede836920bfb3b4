"""Compute profiles: the share of a run's machine or container that its DuckDB takes.

`COMPUTE_PROFILE` chooses one for all runs of a location. An asset asks for another through the
resource `compute`, which every location has:

    @dg.asset(required_resource_keys={"compute"}, compute_kind="high_memory")
    def memory_intensive_asset(context):
        with connect(context.resources.compute.warehouse(context)) as connection: ...

With RUN_EXECUTOR=k8s-job its pod has more memory, too: `stack.execution`.
"""

from __future__ import annotations

import dagster as dg

from stack.settings import WarehouseSettings, load_settings
from stack.warehouse.limits import PROFILES

RESOURCE = "compute"


class Compute(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens the warehouse with the profile that an asset asks for."""

    def warehouse(self, context: dg.AssetExecutionContext) -> WarehouseSettings:
        """Settings for `stack.warehouse.connect`.

        The profile is the asset's `compute_kind` or one of its `kinds`, if that names a profile;
        else it is COMPUTE_PROFILE.
        """
        settings = load_settings(WarehouseSettings)
        asked = profile_of(context.assets_def)
        return settings.model_copy(update={"compute_profile": asked} if asked else {})


def profile_of(asset: dg.AssetsDefinition) -> str | None:
    """The profile that an asset asks for by `compute_kind` or `kinds`, if any."""
    kinds = {kind for spec in asset.specs for kind in spec.kinds}
    kinds.add(str(asset.op.tags.get("dagster/compute_kind", "")))
    return min(kinds & PROFILES.keys(), default=None)

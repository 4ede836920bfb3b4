"""Options of a run, as the Launchpad shows them; the same in every location.

They are a resource that the assets bring along, because its config looks the same whatever assets
a job has: `continuation` copies it from stage to stage, and a run that sets nothing needs none.
(A config mapping would do too, but Dagster refuses it for partitioned assets.)

    run_config={"resources": {"options": {"config": {"force_full_refresh": True}}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import read_manifest
from stack.run_log import guard_events
from stack.settings import StackSettings, load_settings
from stack.tags import PIPELINE_TAG, pipeline_id
from stack.target_models import check_target_models

guard_events()  # any process that runs an asset of ours imports this first

RESOURCE = "options"
TAG_PREFIX = "option/"
FULL_TAG = f"{TAG_PREFIX}full"


class RunOptions(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What a person may ask of a run; by default nothing."""

    skip_validations: bool = Field(
        default=False, description="Skip the validation by Great Expectations."
    )
    force_full_refresh: bool = Field(
        default=False,
        description="Read the sources from their beginning and rebuild every model.",
    )
    full: bool = Field(
        default=False,
        description="Skip nothing: rebuild and judge everything again, and report differences.",
    )
    target_models: str = Field(
        default="",
        description="Only these models and their tests, in dbt's selection syntax, such as "
        "+revenue_by_month; empty: all.",
    )
    _is_tagged_full: bool = PrivateAttr(default=False)

    @property
    def is_full(self) -> bool:
        """Whether nothing may be skipped, by the option or by the tag that a schedule sets."""
        return self.full or self._is_tagged_full

    @property
    def lets_hold(self) -> bool:
        """Whether results of an earlier run that still hold may be skipped."""
        return not (self.is_full or self.force_full_refresh or self.target_models.strip())

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Mark a pipeline's first run, and refuse unknown models before the first step.

        The names come from the last dbt run's manifest; before the first one, `dbt_run` itself
        checks. Raises UnknownModelError.
        """
        if context.run and context.instance and PIPELINE_TAG in context.run.tags:
            pipeline_id(context.instance, context.run)
        if context.run:
            self._is_tagged_full = context.run.tags.get(FULL_TAG) == "true"
        if self.target_models:
            store = ArtifactStore(load_settings(StackSettings).artifacts)
            check_target_models(self.target_models, read_manifest(store))


RUN_OPTIONS = {RESOURCE: RunOptions.configure_at_launch()}


def takes_options(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """The asset with the options as its own resource, so that it runs anywhere.

    Use above `@dg.asset`; the function takes `options: dg.ResourceParam[RunOptions]`.
    """
    (bound,) = dg.with_resources([asset], RUN_OPTIONS)
    return bound


def options_config(**options: bool | str) -> dict[str, Any]:
    """Run config that sets options; empty if none are given."""
    given = {name: value for name, value in options.items() if value}
    return {"resources": {RESOURCE: {"config": given}}} if given else {}


def skips_validations(run_config: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    """Whether a run skips validations, by its config or by the tag `option/skip_validations`."""
    resource = run_config.get("resources", {}).get(RESOURCE, {})
    # Only the stage can resolve `{env: NAME}`, and then skips validation itself.
    if resource.get("config", {}).get("skip_validations") is True:
        return True
    return tags.get(f"{TAG_PREFIX}skip_validations", "").lower() == "true"

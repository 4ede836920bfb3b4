"""How new models have to be: `freshness` in their `meta`, which dbt inherits from folders.

models:
  - name: cash_in
    config:
      meta:
        freshness: {by: "06:00"}
"""

from __future__ import annotations

import dagster as dg
from pydantic import ValidationError

from stack.dbt_artifacts import Node
from stack.freshness import FreshnessPolicy
from stack.freshness.newest import freshness_metadata, newest_event
from stack.problems import problem
from transformation.asset_metadata import Warehouse
from transformation.graph import Graph
from transformation.project import DbtProjectError
from transformation.specs import key_of


def freshness_of(graph: Graph) -> dict[dg.AssetKey, FreshnessPolicy]:
    """The policies of the models that have one. Raises DbtProjectError."""
    found = {key_of(model): policy_of(model) for model in graph.models}
    return {key: policy for key, policy in found.items() if policy}


def policy_of(model: Node) -> FreshnessPolicy | None:
    """What a model declares. Raises DbtProjectError, naming file, model and field."""
    declared = model.config.meta.get("freshness")
    if declared is None:
        return None
    try:
        return FreshnessPolicy.model_validate(declared)
    except ValidationError as error:
        told = "; ".join(
            ": ".join([".".join(map(str, item["loc"])), "".join(problem(item, FreshnessPolicy))])
            for item in error.errors(include_url=False)
        )
        raise DbtProjectError(
            f"{model.file}: model {model.name}: meta.freshness: {told.removeprefix(': ')}",
            next_step="correct it there, or in the dbt_project.yml that it is inherited from",
        ) from None


def model_freshness(model: Node, warehouse: Warehouse) -> dict[str, dg.MetadataValue]:
    """Policy and newest event of a model that was just built, for its materialisation."""
    policy = policy_of(model)
    if policy is None or not policy.newest:
        return freshness_metadata(policy, None)
    newest = newest_event(
        warehouse.connection, warehouse.settings, model.schema_name, model.table, policy.newest
    )
    return freshness_metadata(policy, newest)

"""The stack's asset specs agree with those of dagster-dbt, which is too slow to load."""

import json

from stack.dbt_artifacts import Manifest
from transformation.graph import graph_of
from transformation.prepare import prepare
from transformation.project import load_project
from transformation.specs import model_specs


def test_the_same_models_depend_on_the_same_models(stack_home):
    from dagster_dbt import build_dbt_asset_specs

    manifest = json.loads((prepare(load_project()) / "manifest.json").read_text())
    ours = {
        spec.key: {dep.asset_key for dep in spec.deps if dep.asset_key.path[0] != "raw"}
        for spec in model_specs(graph_of(Manifest.model_validate(manifest)), {})
    }
    theirs = {
        spec.key: {dep.asset_key for dep in spec.deps}
        for spec in build_dbt_asset_specs(manifest=manifest)
    }
    sources = {dep for deps in theirs.values() for dep in deps} - theirs.keys()
    assert len(sources) == len(manifest["sources"])
    assert ours == {key: deps - sources for key, deps in theirs.items()}

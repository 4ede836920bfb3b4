"""A stage is declared once; whatever else has to name it does."""

import tomllib

import pytest
import yaml

from code_locations.definitions import defs
from stack.pipelines import Stage
from support.stack_process import ROOT

STAGES = {str(stage) for stage in Stage}


def test_every_stage_is_a_process_of_the_workspace():
    entries = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert {entry["python_module"]["location_name"] for entry in entries} == STAGES


def test_every_stage_is_in_the_single_process():
    for stage in STAGES:
        module = __import__(f"{stage}.location", fromlist=["LOCATION"])
        assets = {key for asset in module.LOCATION.assets for key in asset.keys}
        assert assets <= {spec.key for spec in defs.resolve_all_asset_specs()}


def test_every_stage_is_a_package_of_the_workspace():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    members = set(project["tool"]["uv"]["workspace"]["members"])
    assert {f"code_locations/{stage}" for stage in STAGES} <= members
    installed = {name.split("[")[0] for name in project["project"]["dependencies"]}
    assert {f"freelancer-{stage}" for stage in STAGES} <= installed


@pytest.mark.parametrize("image", ["code-location", "dagster"])
def test_every_stage_is_known_to_the_image_builds(image):
    text = (ROOT / "images" / image / "Dockerfile").read_text()
    assert all(f"COPY code_locations/{stage}/pyproject.toml" in text for stage in STAGES)

"""A stage is declared once, and everything else that must name it does."""

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
    assert set(project["tool"]["mypy"]["packages"]) >= STAGES
    assert {f"code_locations/{stage}/src" for stage in STAGES} <= {
        *project["tool"]["mypy"]["mypy_path"]
    }


def test_every_stage_is_a_project_of_dg():
    projects = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["workspace"]
    assert {entry["path"] for entry in projects["projects"]} == {
        f"code_locations/{stage}" for stage in STAGES
    }
    for stage in STAGES:
        text = (ROOT / "code_locations" / stage / "pyproject.toml").read_text()
        project = tomllib.loads(text)["tool"]["dg"]["project"]
        assert project["code_location_target_module"] == f"{stage}.definitions"


def test_every_stage_is_deployed_by_the_chart_and_built_by_skaffold():
    values = yaml.safe_load((ROOT / "charts/freelancer-data-stack/values.yaml").read_text())
    assert set(values["codeLocations"]) == STAGES
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    built = {artifact["image"].rpartition("/")[2] for artifact in skaffold["build"]["artifacts"]}
    assert built == {"dagster", *STAGES}
    [release] = skaffold["deploy"]["helm"]["releases"]
    for stage in STAGES:
        for part in ("repository", "tag", "digest"):
            assert f"codeLocations.{stage}.image.{part}" in release["setValueTemplates"]


@pytest.mark.parametrize("image", ["code-location", "dagster"])
def test_every_stage_is_known_to_the_image_builds(image):
    text = (ROOT / "images" / image / "Dockerfile").read_text()
    assert all(f"COPY code_locations/{stage}/pyproject.toml" in text for stage in STAGES)

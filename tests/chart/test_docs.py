"""The values shown in the docs are accepted by the chart."""

import re

import pytest
import yaml

from chart.rendering import OLDEST, RECIPIENT, helm
from scripts.chart_values_page import CHART, ROOT

PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
MONITORING = (ROOT / "docs" / "monitoring.md").read_text()
BACKUP = (ROOT / "docs" / "backup.md").read_text()


def blocks(page):
    return re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def kinds_of(block, tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text(block.replace("age1…", RECIPIENT))
    rendered = helm("template", "stack", str(CHART), "--kube-version", OLDEST, "-f", str(file))
    return {found["kind"] for found in yaml.safe_load_all(rendered) if found}


@pytest.mark.parametrize("block", blocks(PAGE))
def test_shown_values_render(block, tmp_path):
    kinds = kinds_of(block, tmp_path)
    stores_of_its_own = "postgresql:" in block
    assert ("StatefulSet" in kinds) != stores_of_its_own
    assert ("Ingress" in kinds) == ("ingress:" in block)
    assert ("HTTPRoute" in kinds) == ("httpRoute:" in block)


def test_commands_and_versions_that_the_page_of_the_supply_chain_shows_exist():
    page = (ROOT / "docs" / "supply-chain.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = set(re.findall(r"make ([a-z-]+)", page))
    assert {"images", "pin", "attest", "licences", "audit", "publish-chart"} <= shown <= targets
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    assert re.findall(r"--version (\S+)", page) == [version]


@pytest.mark.parametrize("block", blocks(BACKUP))
def test_values_of_backups_render(block, tmp_path):
    assert ("CronJob" in kinds_of(block, tmp_path)) == ("enabled: true" in block)


@pytest.mark.parametrize(
    "block", [block for block in blocks(MONITORING) if block.startswith("observability:")]
)
def test_values_of_monitoring_render(block, tmp_path):
    made = kinds_of(block, tmp_path)
    assert ("PodMonitor" in made) == ("podMonitor:" in block)
    assert ("PrometheusRule" in made) == ("prometheusRule:" in block)


def test_requests_in_the_sizing_table_are_the_charts():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    rows = {
        "webserver, daemon": [values["webserver"], values["daemon"]],
        "code server": [values["codeLocationDefaults"]],
        "observability": [values["observability"]],
        "a run": [values["codeLocationDefaults"]["run"]],
    }
    for name, parts in rows.items():
        [row] = re.findall(rf"^\| {name} \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
        for part in parts:
            requests, limits = part["resources"]["requests"], part["resources"]["limits"]
            assert row[0].startswith(f"{requests['cpu']}, {requests['memory']}"), name
            assert limits["memory"] in row[1], name
            assert row[1].startswith(f"{limits['cpu']} CPU"), name


def test_values_that_it_names_exist():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path in re.findall(
        r"`((?:instance|run|s3|image|webserver|observability)\.[A-Za-z.]+)`", PAGE
    ):
        here = values["codeLocationDefaults"] if path.startswith("run.") else values
        for key in path.split("."):
            assert key in here, path
            here = here[key]

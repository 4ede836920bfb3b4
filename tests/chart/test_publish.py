"""A version of the chart is published only once; for a registry: tests/cluster/test_supply.py."""

import shutil
import subprocess

import pytest

from scripts.chart_values_page import CHART, ROOT

SCRIPT = "scripts/publish-chart.sh"


@pytest.fixture
def clone(tmp_path):
    """A separate repository with the chart and the script."""
    shutil.copytree(CHART, tmp_path / CHART.relative_to(ROOT))
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / SCRIPT, tmp_path / SCRIPT)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(clone, *arguments):
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", "-C", clone, *identity, *arguments], check=True)


def commit(clone):
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "All")


def said(clone, *arguments):
    """Whether the script refuses, and what it prints."""
    done = subprocess.run([clone / SCRIPT, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def version(clone):
    text = (clone / "charts/freelancer-data-stack/Chart.yaml").read_text()
    return next(line[9:] for line in text.splitlines() if line.startswith("version: "))


@pytest.mark.parametrize("change", ["committed", "not committed", "a new file"])
def test_a_published_chart_that_changes_needs_another_version(clone, change):
    git(clone, "tag", f"chart-{version(clone)}")
    assert said(clone, "--check") == (0, "")
    (clone / "elsewhere").write_text("not of the chart")
    assert said(clone, "--check") == (0, "")
    chart = clone / "charts/freelancer-data-stack"
    if change == "a new file":
        (chart / "templates/more.yaml").write_text("# more")
    else:
        with (chart / "values.yaml").open("a") as values:
            values.write("# more\n")
    if change == "committed":
        commit(clone)
    code, error = said(clone, "--check")
    assert code == 1
    assert f"differs from its version {version(clone)}, which is published" in error
    file = chart / "Chart.yaml"
    file.write_text(file.read_text().replace(f"version: {version(clone)}", "version: 99.0.0"))
    assert said(clone, "--check") == (0, "")


def test_what_is_not_committed_is_not_published(clone):
    (clone / "charts/freelancer-data-stack/values.yaml").write_text("{}")
    code, error = said(clone, "oci://registry.invalid/charts")
    assert code == 1
    assert "changes that are not committed" in error

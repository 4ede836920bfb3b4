"""What the README shows works exactly as written."""

import re
import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorStatus

from stack.one_machine.home import prepare_dagster_home
from stack.settings import StackSettings, WarehouseSettings
from support.contents import tables
from support.stack_process import COMMAND, ROOT

README = (ROOT / "README.md").read_text()
# Run elsewhere: by CI itself, in test_loading.py, in test_daily_pipeline.py, and by the fixture
# `release` of tests/cluster.
INSTALL = "helm install stack charts/freelancer-data-stack --namespace data --create-namespace"
ELSEWHERE = {"make test", "make dev", "make run", INSTALL}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("bash") for line in block.splitlines() if line]


def test_the_first_screen_has_a_picture_and_two_commands():
    start = README[:2000]
    picture = re.search(r"!\[.+\]\((.+)\)", start)
    assert picture and (ROOT / picture[1]).is_file()
    assert commands()[:2] == ["make run", "make test"]
    assert all(f"```bash\n{command}\n" in start for command in commands()[:2])


@pytest.mark.parametrize("command", [c for c in commands() if c not in ELSEWHERE])
def test_a_command_works(ran, command):
    result = subprocess.run(
        command, shell=True, cwd=ROOT, env=ran.stack.env(), capture_output=True, text=True,
        timeout=1200, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("block", [b for b in blocks("python") if "stack.automation" in b])
def test_schedules_and_sensors_start_and_stop_from_python(stack, block):
    home = prepare_dagster_home(StackSettings(stack_home=stack.home))
    stack.environment["DAGSTER_HOME"] = str(home)
    result = stack.run("-c", block)
    assert result.returncode == 0, result.stdout + result.stderr
    command = re.search(r"`\.venv/bin/stack (start .+)` does", README)
    assert command
    started = stack.run(COMMAND, *command[1].split())
    assert started.stdout == "daily_pipeline_schedule is running\n", started.stderr
    unknown = stack.run(COMMAND, "start", "daily_schedule")
    assert unknown.returncode == 2
    assert "daily_pipeline_schedule" in unknown.stderr
    with dg.DagsterInstance.from_config(str(home)) as instance:
        states = {s.instigator_name: s.status for s in instance.all_instigator_state()}
    assert states == {
        "daily_pipeline_schedule": InstigatorStatus.RUNNING,
        "github_release_sensor": InstigatorStatus.RUNNING,
    }


@pytest.mark.parametrize("block", [b for b in blocks("python") if "materialize" in b])
def test_the_python_usage_works_on_an_empty_warehouse(stack, block):
    stack.environment["BOOKS_URL"] = str(stack.home / "no_exports")
    home = prepare_dagster_home(StackSettings(stack_home=stack.home))
    result = subprocess.run(
        [sys.executable, "-c", block],
        cwd=ROOT, env=stack.env() | {"DAGSTER_HOME": str(home)}, capture_output=True, text=True,
        timeout=1200, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    rows = tables(WarehouseSettings(stack_home=stack.home))
    assert rows["freelancer_raw.books_invoices"] == 0
    assert rows["freelancer_raw.shop_customers"] > 0
    assert rows["marts.receivables_ageing"] == 0


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target

"""`make run` again: what changed is made and checked, and the rest holds."""

import re
import shutil
from datetime import date

import pytest

from stack.activity import ActivityLog, Change, Read
from stack.idle import Idle
from support.contents import contents

HELD = re.compile(r"(\d+) models and (\d+) checks hold since [-\d]+ [:\d]+ UTC")
MADE = re.compile(r"^    (\w+\.\w+): success", re.MULTILINE)
JUDGED = re.compile(r"^    (\w+\.\w+): .* expectations, all met", re.MULTILINE)


@pytest.fixture
def stack_again(ran, stack):
    """A copy of the stack after its first run."""
    shutil.copytree(ran.stack.home, stack.home)
    return stack


def said(stack, *options: str) -> str:
    done = stack.run_pipeline("daily_data_pipeline", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def activity(stack) -> list[Read | Change]:
    """Who read and made which tables, by its log; to a load, a copy's exports are others."""
    entries = ActivityLog(str(stack.home / "artifacts")).since(date.min)
    return [entry for entry in entries if entry.by != "dlt_ingestion_pipeline"]


def test_without_news_everything_holds_and_full_makes_it_all_again(ran, stack_again):
    right = contents(ran.warehouse)
    assert not HELD.search(ran.first.stdout)
    without = said(stack_again)
    [(models, checks)] = HELD.findall(without)
    assert (MADE.findall(without), JUDGED.findall(without)) == ([], [])
    assert int(models) == len(MADE.findall(ran.first.stdout))
    assert int(checks) > 300
    assert activity(stack_again) == activity(ran.stack), "nothing was read or made"
    # So on Kubernetes these stages would get no pod.
    looked = stack_again.run("-m", "transformation.idle"), stack_again.run("-m", "quality.idle")
    counts = [Idle.model_validate_json(look.stdout).count for look in looked]
    tests = int(checks) - int(counts[1].split()[0])
    assert counts[0] == f"{models} models and {tests} tests"

    full = said(stack_again, "--full")
    assert MADE.findall(full) == MADE.findall(ran.first.stdout)
    assert not HELD.search(full)
    assert not list((stack_again.home / "alerts").glob("held_was_stale*"))
    warehouse = ran.warehouse.model_copy(update={"stack_home": stack_again.home})
    assert contents(warehouse) == right

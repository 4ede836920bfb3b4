"""`make run` again: what changed is made and judged, and the rest holds."""

import re
import shutil

import pytest

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


def test_without_news_everything_holds_and_full_makes_it_all_again(ran, stack_again):
    right = contents(ran.warehouse)
    assert not HELD.search(ran.first.stdout)
    without = said(stack_again)
    [(models, checks)] = HELD.findall(without)
    assert (MADE.findall(without), JUDGED.findall(without)) == ([], [])
    assert int(models) == len(MADE.findall(ran.first.stdout))
    assert int(checks) > 300

    full = said(stack_again, "--full")
    assert MADE.findall(full) == MADE.findall(ran.first.stdout)
    assert not HELD.search(full)
    assert not list((stack_again.home / "alerts").glob("held_was_stale*"))
    warehouse = ran.warehouse.model_copy(update={"stack_home": stack_again.home})
    assert contents(warehouse) == right

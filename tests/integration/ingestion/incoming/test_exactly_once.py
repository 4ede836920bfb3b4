"""Each file's rows are in its table exactly once, whatever happens to the runs that load it."""

import contextlib
import shutil
import signal
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.incoming import load_run
from ingestion.incoming.inbox import Inbox
from support.examples import examples
from support.incoming import Incoming
from support.stack_process import clean_environment

SCRIPT = Path(__file__).with_name("killed_run.py")
DEADLINE_S = 600
# Points from the end: the last moves, the state's commit, the rows' commit, and before it.
FROM_THE_END = [0, 2, 4, 6, 8, 11]


def killed_runs(*runs: tuple[Path, int]) -> list[int]:
    """What processes say that run a home's inbox up to a point (0: to the end)."""
    arguments = [str(argument) for run in runs for argument in run]
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments], env=clean_environment(),
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


def arrive(inbox: Incoming) -> None:
    """Three files, two of one table."""
    inbox.drop("orders/1.csv", "id,note\n1,a\n2,b\n")
    inbox.drop("orders/2.csv", "id,more\n3,c\n")
    inbox.drop("others.jsonl", '{"x": 1}\n{"x": 2}\n')


# What they make.
ROWS = Counter(
    [
        ("files_orders", "(1, 'a', None)"),
        ("files_orders", "(2, 'b', None)"),
        ("files_orders", "(3, None, 'c')"),
        ("files_others", "(1,)"),
        ("files_others", "(2,)"),
    ]
)


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> dict[int, Incoming]:
    """Inboxes whose run was killed, by the point from the end of an undisturbed one."""
    folder = tmp_path_factory.mktemp("killed")
    inboxes = {point: Incoming(folder / str(point)) for point in FROM_THE_END}
    undisturbed = Incoming(folder / "undisturbed")
    for inbox in (undisturbed, *inboxes.values()):
        arrive(inbox)
    points, code = killed_runs((undisturbed.folder.parent, 0))
    assert code == 0
    runs = [(inbox.folder.parent, points - point) for point, inbox in inboxes.items()]
    assert killed_runs(*runs) == [-signal.SIGKILL] * len(runs)
    return inboxes


@pytest.mark.usefixtures("stack_home")
@pytest.mark.parametrize("from_the_end", FROM_THE_END)
def test_a_killed_run_loses_nothing_and_doubles_nothing(killed, from_the_end, monkeypatch):
    inbox = killed[from_the_end]
    home = inbox.folder.parent
    monkeypatch.setenv("STACK_HOME", str(home))
    shutil.rmtree(home / "dlt", ignore_errors=True)  # a pod's folder goes with the pod
    inbox.process()
    assert inbox.loaded() == ROWS
    assert inbox.waiting() == {}
    assert len(inbox.processed()) == 3


class KilledError(BaseException):
    """Stands for a kill: nothing catches it."""


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("drop"), st.sampled_from(["a.csv", "a/1.csv", "b.jsonl"])),
        st.tuples(st.just("again"), st.sampled_from(["a.csv", "a/2.csv"])),
        st.tuples(st.just("run"), st.sampled_from(["well", "before", "moving", "loading"])),
    ),
    min_size=3,
    max_size=8,
)


@settings(
    max_examples=examples(12),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_any_order_of_arrivals_and_kills_ends_with_each_row_once(stack_home, monkeypatch, steps):
    home = stack_home.parent / uuid.uuid4().hex
    monkeypatch.setenv("STACK_HOME", str(home))
    inbox = Incoming(home)
    expected: set[tuple[str, str]] = set()
    latest = "id\n0\n"
    for number, (kind, argument) in enumerate(steps, start=1):
        if kind == "run":
            run(inbox, argument)
            continue
        if argument in inbox.waiting():
            continue  # a file written over before it was loaded has only its last rows
        if argument.endswith("jsonl"):
            inbox.drop(argument, f'{{"id": {number}}}\n')
        else:
            latest = f"id\n{number}\n" if kind == "drop" else latest
            inbox.drop(argument, latest)
        row = number if argument.endswith("jsonl") else latest.split()[1]
        expected.add((f"files_{argument[0]}", f"({row},)"))
    inbox.process()
    assert inbox.loaded() == Counter(expected)
    assert inbox.waiting() == {}


def run(inbox: Incoming, how: str) -> None:
    """Process all that waits; unless it goes `well`, killed at that point."""
    load, move = load_run.load, Inbox._move

    def killed_load(*arguments, **options):
        if how == "loading":
            raise KilledError
        load(*arguments, **options)
        raise KilledError

    def killed_move(*arguments):
        move(*arguments)
        raise KilledError

    with pytest.MonkeyPatch.context() as patched:
        if how in {"before", "loading"}:
            patched.setattr(load_run, "load", killed_load)
        if how == "moving":
            patched.setattr(Inbox, "_move", killed_move)
        with contextlib.suppress(KilledError):
            inbox.process()

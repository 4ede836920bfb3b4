"""A load that is killed anywhere and run again ends with the tables of an undisturbed one."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stack.settings import WarehouseSettings
from support.books import Exports, load_books
from support.contents import contents
from support.stack_process import clean_environment

SCRIPT = Path(__file__).with_name("killed_load.py")
DEADLINE_S = 600
# Where in a load of n statements it is killed: from the first to just before the last.
SHARES = [0.02, 0.4, 0.6, 0.75, 0.9, 1.0]


def killed_loads(*loads: tuple[Path, int]) -> subprocess.CompletedProcess[str]:
    """One load or more: the stack, and the statement at which it is killed (0: none)."""
    arguments = [str(argument) for load in loads for argument in load]
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], env=clean_environment(),
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip


def first_exports(home: Path) -> Exports:
    exports = Exports(home)
    exports.clients("clients/1.csv", "1,A,2025-01-01", "2,B,2025-01-01")
    # Two files of one table with a key in common, so that a half-done append would show.
    exports.clients("clients/2.csv", "3,C,2025-01-01", "2,B renamed,2025-02-01")
    exports.parquet(
        "payments.parquet",
        "select i as payment_id, 1::bigint as invoice_id, date '2025-01-01' as paid_on, "
        "'EUR' as currency, 1.5::decimal(18, 2) as amount, 'card' as method, "
        "timestamp '2025-01-01' as updated_at from range(1000) as t (i)",
    )
    return exports


def later_exports(exports: Exports) -> None:
    exports.clients("clients/1.csv", "1,A renamed,2025-03-01", "4,D,2025-03-01")
    exports.parquet(
        "payments/more.parquet",
        "select i as payment_id, 2::bigint as invoice_id, date '2025-02-01' as paid_on, "
        "'EUR' as currency, 2.5::decimal(18, 2) as amount, 'card' as method, "
        "timestamp '2025-02-01' as updated_at, 'x' as new_column from range(990, 1010) as t (i)",
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, tuple[Path, int, dict]]:
    """Per scenario: the stack before its load, the load's statements, the tables after it."""
    found = {}
    base = tmp_path_factory.mktemp("undisturbed")
    exports = first_exports(base / "first")
    for name in ("first", "merge"):
        before = base / f"before-{name}"
        shutil.copytree(base / "first", before)
        if name == "merge":
            later_exports(exports)
            shutil.copytree(exports.folder, before / "exports" / "books", dirs_exist_ok=True)
        done = killed_loads((base / "first", 0))
        assert done.returncode == 0, done.stderr
        found[name] = (
            before,
            int(done.stdout),
            contents(WarehouseSettings(stack_home=base / "first")),
        )
    return found


@pytest.fixture(scope="module")
def killed(undisturbed, tmp_path_factory) -> dict[tuple[str, float], Path]:
    """The stacks after a load that was killed, by scenario and share."""
    homes, loads = {}, []
    for scenario, (before, statements, _) in undisturbed.items():
        for share in SHARES:
            home = homes[scenario, share] = tmp_path_factory.mktemp("killed") / "stack"
            shutil.copytree(before, home)
            loads.append((home, max(1, round(statements * share))))
    done = killed_loads(*loads)
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(loads), done.stderr
    return homes


@pytest.mark.usefixtures("stack_home")
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("scenario", ["first", "merge"])
def test_a_killed_load_changes_nothing_in_the_end(
    undisturbed, killed, scenario, share, monkeypatch
):
    home, expected = killed[scenario, share], undisturbed[scenario][2]
    monkeypatch.setenv("STACK_HOME", str(home))
    if share == SHARES[-1]:  # a pod's working directory is gone with the pod
        shutil.rmtree(home / "dlt")
    load_books()
    assert contents(WarehouseSettings(stack_home=home)) == expected
    assert load_books().files == {}, "the state says what was loaded"


def test_a_full_disk_fails_the_load_in_one_line_and_loses_nothing(stack_home):
    exports = first_exports(stack_home)
    load_books()
    before = contents(WarehouseSettings(stack_home=stack_home))
    exports.parquet(
        "time_entries.parquet",
        "select i as time_entry_id, 1::bigint as project_id, date '2025-01-01' as worked_on, "
        "15::bigint as minutes, true as billable, md5(i::varchar) as note, "
        "timestamp '2025-01-01' as updated_at from range(200000) as t (i)",
    )
    # A limit on the size of files stands in for the disk: the write fails in the same place.
    limit = 'ulimit -f 4096; trap "" XFSZ; exec "$@"'
    limited = subprocess.run(
        ["bash", "-c", limit, "bash", sys.executable, SCRIPT, str(stack_home), "0"],
        env=clean_environment(),
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert limited.returncode == 1, limited.stdout
    last_line = limited.stderr.strip().splitlines()[-1]
    assert last_line.startswith("ingestion.loading.pipeline.LoadError: books could not be loaded")
    assert "File too large" in last_line
    left = contents(WarehouseSettings(stack_home=stack_home))
    assert left == before
    load_books()
    after = contents(WarehouseSettings(stack_home=stack_home))
    assert len(after["freelancer_raw.books_time_entries"][1]) == 200_000

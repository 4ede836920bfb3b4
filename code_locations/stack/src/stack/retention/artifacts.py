"""Clears artifacts of deleted runs, their Data Docs included.

`latest` is never touched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from functools import partial

from stack.retention.files import Found, found_below
from stack.retention.policy import before
from stack.retention.report import Cleared, Clock
from stack.storage import filesystem


def clear_artifacts(
    url: str, days: int, named: Collection[str], clock: Clock, *, dry_run: bool
) -> Cleared:
    """Delete artifacts last written `days` ago whose run isn't among those `named` by kept runs."""
    cleared = Cleared("artifacts", dry_run)
    fs, root = filesystem(f"{url}/runs")
    of_run: defaultdict[str, list[Found]] = defaultdict(list)
    for file in found_below(fs, root):
        of_run[file.path.partition("/")[0]].append(file)
    cleared.before = cleared.after = sum(f.size for files in of_run.values() for f in files)
    oldest = before(clock.now, days)
    for run_id, files in of_run.items():
        newest = max(file.written for file in files)
        if run_id in named or oldest is None or newest >= oldest:
            continue
        remove = partial(fs.rm, f"{root}/{run_id}", recursive=True)
        cleared.delete(f"{url}/runs/{run_id}", sum(file.size for file in files), remove)
    return cleared

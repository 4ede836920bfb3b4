"""Seconds from an edit to its definition in the UI of a cluster.

    python -m benchmarks.loop NAMESPACE RELEASE --edits 10

KUBECONFIG names the cluster; the release takes code (docs/loop.md). Edits are made in a copy of the
checkout, alternating between a model's description and a job's name, each some seconds after the
result of the last was seen, as a person would.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from cluster.checkout import Checkout  # noqa: E402 the tests' folder is on no path
from cluster.kube import Namespace  # noqa: E402
from cluster.release import Release  # noqa: E402

KINDS = ("ingestion", "transformation")
SEEN = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
  ... on RepositoryLocation { repositories { jobs { name } assetNodes { description } } }
  } } } } }"""
JOB = "\n\nimport dagster as dg\n\ndefs = dg.Definitions.merge(\n"
JOB += '    defs, dg.Definitions(jobs=[dg.GraphDefinition(name="{}").to_job()])\n)\n'
LOOK_EVERY_S = 0.1
DEADLINE_S = 300.0
PAUSE_S = 8.0


def main() -> None:
    """Measure, and print each edit and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("namespace")
    parser.add_argument("release")
    parser.add_argument("--edits", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stack-loop-") as folder:
        root = Path(folder)
        namespace = Namespace(given.namespace)
        release = Release(given.release, namespace, root)
        checkout = Checkout.copy(root / "checkout", namespace)
        for location in KINDS:  # the present code may be of another revision
            checkout.sync(location)
        try:
            took: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for edit in range(given.edits):
                for kind in KINDS:
                    time.sleep(PAUSE_S)
                    word = f"edited_{os.getpid()}_{edit}"
                    took[kind].append(seconds(release, checkout, kind, word))
                    say(f"{kind}: {took[kind][-1]:.1f} s at a load of {os.getloadavg()[0]:.0f}")
        finally:
            release.way.close()
    for kind, found in took.items():
        say(f"{kind}: median {median(found):.1f} s of {len(found)} edits")


def seconds(release: Release, checkout: Checkout, kind: str, word: str) -> float:
    """The seconds from the edit until the webserver shows it."""
    edits: dict[str, Callable[[Checkout, str], None]] = {"ingestion": job, "transformation": model}
    begun = time.monotonic()
    edits[kind](checkout, word)
    done = checkout.sync(kind)
    if done.returncode:
        sys.exit(done.stderr)
    while word not in str(release.ui.query(SEEN)):
        if time.monotonic() - begun > DEADLINE_S:
            sys.exit(f"{kind}: {word} is not shown after {DEADLINE_S:.0f} s")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - begun


def job(checkout: Checkout, word: str) -> None:
    """Give a job that name."""
    file = checkout.package("ingestion") / "definitions.py"
    file.write_text(file.read_text().partition(JOB[:20])[0] + JOB.format(word))


def model(checkout: Checkout, word: str) -> None:
    """Make it a model's description."""
    folder = checkout.root / "code_locations/transformation/dbt/models/marts"
    file = folder / "_marts__models.yml"
    text = file.read_text()
    file.write_text(re.sub("description: .*", f"description: {word}", text, count=1))


def say(line: str) -> None:
    """Print it at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()

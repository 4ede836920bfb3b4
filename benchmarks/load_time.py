"""How long each code location takes to load, against `import dagster`.

    python -m benchmarks.load_time [--repeats 7]

Each measurement is a separate process, and the targets take turns, so that other work on the
machine affects them all equally. Only the import is timed, without starting Python.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

from benchmarks.report import Finding, median, publish
from stack.pipelines import Stage

BUDGET = 1.3
TARGETS = {"dagster": "dagster"} | {str(stage): f"{stage}.definitions" for stage in Stage}
IMPORT = (
    "import sys, time; started = time.perf_counter(); __import__(sys.argv[1]); "
    "print(time.perf_counter() - started)"
)


def main() -> int:
    """Measure, publish, and return 1 if a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    seconds: dict[str, list[float]] = {name: [] for name in TARGETS}
    with tempfile.TemporaryDirectory(prefix="stack-bench-") as home:
        for module in TARGETS.values():
            load(module, home)  # writes the bytecode
        for _ in range(repeats):
            for name, module in TARGETS.items():
                seconds[name].append(load(module, home))
    base = median(seconds["dagster"])
    findings = [
        Finding(f"load {name}", "import dagster", median(seconds[name]), base, BUDGET)
        for name in Stage
    ]
    return 0 if publish("load_time", findings, {"repeats": repeats}) else 1


def load(module: str, home: str) -> float:
    """The seconds that importing a module takes in a new process."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT, module],
        env=os.environ | {"STACK_HOME": home},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(result.stdout.split()[-1])


if __name__ == "__main__":
    sys.exit(main())

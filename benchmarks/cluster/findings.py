"""Compares both measurements: ratios, budgets, and where the time goes."""

from __future__ import annotations

from benchmarks.cluster.measure import Measured
from benchmarks.cluster.timeline import PHASES, between, phases
from benchmarks.report import Finding, median, print_table

# Parts of the phases that the run also measures separately.
ALONE = {"(an interpreter alone)": "interpreter_s", "(a connection alone)": "connect_s"}


def findings(ours: Measured, stock: Measured) -> list[Finding]:
    """Ratios to stock settings, with a budget where there is one."""

    def compared(
        what: str, both: tuple[float, float], budget: float | None = None, unit: str = "s"
    ) -> Finding:
        return Finding(what, "stock settings", *both, budget, unit)

    def used(key: str, jobs: str) -> tuple[float, float]:
        mine, theirs = (median([run[key] for run in half[jobs]]) for half in runs)
        return mine, theirs

    def took(begin: str, end: str, jobs: str) -> tuple[float, float]:
        mine, theirs = (between(half[jobs], begin, end) for half in runs)
        return mine, theirs

    runs = [{"one": half.one_step, "six": half.six_steps} for half in (ours, stock)]
    wait = median(ours.waits)
    found = [
        compared("queue to RUN_START", took("enqueued", "run_start", "one"), 0.4),
        compared("six chained steps, to success", took("enqueued", "success", "six"), 0.25),
        compared("20 runs at once, limit 10", (ours.burst_s, stock.burst_s), 0.4),
        compared("CPU of a run's pod, one step", used("cpu_s", "one"), 0.35),
        compared("CPU of a run's pod, six steps", used("cpu_s", "six")),
        compared("memory of a run's pod, one step", used("memory_mib", "one"), unit="MiB"),
        compared("memory of a run's pod, six steps", used("memory_mib", "six"), unit="MiB"),
        compared("idle CPU of a code server", (ours.idle_mcore, stock.idle_mcore), 0.2, "mcore"),
        Finding("end of a stage to next run", "1 s", wait, 1.0, 4.0),
        compared("end of a stage to next run", (wait, median(stock.waits))),
        compared("daily_data_pipeline, nothing new", (ours.pipeline_s, stock.pipeline_s)),
    ]
    for name in sorted(ours.usage.keys() & stock.usage.keys()):
        mine, theirs = ours.usage[name], stock.usage[name]
        found += [
            compared(f"memory of {name}", (mine.memory_mib, theirs.memory_mib), unit="MiB"),
            compared(f"idle CPU of {name}", (mine.cpu_mcore, theirs.cpu_mcore), unit="mcore"),
        ]
    return found


def print_profiles(ours: Measured, stock: Measured) -> None:
    """Print where the time goes in a run of one step, and in a pipeline with nothing new."""
    print("\nwhere a run's time goes: median seconds")
    mine, theirs = phases(ours.one_step), phases(stock.one_step)
    rows = [
        [name, _cell(mine.get(name)), _cell(theirs.get(name))]
        for name, _, _ in PHASES
        if name in mine or name in theirs
    ]
    for name, key in ALONE.items():
        alone = (median([run[key] for run in half.one_step]) for half in (ours, stock))
        rows.append([name, *map(_cell, alone)])
    print_table(("phase", "ours", "stock"), rows)
    print("\nwhere the time of daily_data_pipeline goes with nothing new: median seconds")
    by_stage = ours.stage_medians(), stock.stage_medians()
    rows = [
        [stage, *(_cell(value) for half in by_stage for value in half[stage])]
        for stage in by_stage[0]
    ]
    print_table(
        ("stage", "ours: to its start", "its work", "stock: to its start", "its work"), rows
    )


def _cell(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f}"

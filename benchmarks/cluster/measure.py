"""All measurements of a release, made once with each of the two settings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from benchmarks.cluster.deploy import LOCATION
from benchmarks.cluster.pods import PodWatch, Usage, usage_over
from benchmarks.cluster.timeline import phases, timeline
from benchmarks.report import median
from cluster.kube import wait_for
from cluster.release import Release
from stack.pipelines import DAILY, Stage

BURST = 20
IDLE_S = 60.0
SETTLE_S = 30.0


@dataclass(frozen=True)
class Repeats:
    """How often each measurement is repeated."""

    runs: int
    pipelines: int


@dataclass(frozen=True)
class PipelineRun:
    """Seconds of a whole pipeline, and of its parts.

    `waits` are from the end of a stage to the next one's record; by stage, `starts` are from
    record to start, and `works` from start to end.
    """

    wall: float
    waits: list[float]
    starts: dict[str, float]
    works: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """The results with one of the settings."""

    one_step: list[dict[str, float]]
    six_steps: list[dict[str, float]]
    burst_s: float
    pipelines: list[PipelineRun]
    usage: dict[str, Usage]

    @property
    def waits(self) -> list[float]:
        """All waits between two stages."""
        return [wait for pipeline in self.pipelines for wait in pipeline.waits]

    @property
    def pipeline_s(self) -> float:
        """The median duration of a whole pipeline, in seconds."""
        return median([pipeline.wall for pipeline in self.pipelines])

    @property
    def idle_mcore(self) -> float:
        """The median CPU use of the stack's idle code servers."""
        return median([self.usage[stage].cpu_mcore for stage in Stage if stage in self.usage])

    def stage_medians(self) -> dict[str, tuple[float, float]]:
        """By stage: median seconds from record to start, and from start to end."""
        return {
            str(stage): (
                median([pipeline.starts[stage] for pipeline in self.pipelines]),
                median([pipeline.works[stage] for pipeline in self.pipelines]),
            )
            for stage in Stage
        }

    def details(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self) | {"phases": phases(self.one_step)}


def measure(release: Release, repeats: Repeats) -> Measured:
    """Measure an installed release. The first run and the first pipeline don't count."""
    with PodWatch(release) as watch:
        say("runs of one step")
        one_step = [run(release, watch, "one_step") for _ in range(repeats.runs + 1)][1:]
        say("runs of six steps")
        six_steps = [run(release, watch, "six_steps") for _ in range(repeats.runs)]
        say(f"{BURST} runs at once")
        burst_s = burst(release)
        say(f"{DAILY.name}: once for its data, then with nothing new")
        pipelines = [pipeline(release) for _ in range(repeats.pipelines + 1)][1:]
        say("nothing at all")
        usage = idle(release)
    return Measured(one_step, six_steps, burst_s, pipelines, usage)


def say(what: str) -> None:
    """Print what is being measured."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def run(release: Release, watch: PodWatch, job: str) -> dict[str, float]:
    """The times of one run's stages, from its launch until its pod has ended."""
    run_id = release.launch(LOCATION, job)
    release.wait_for_run(run_id, {"SUCCESS"})
    wait_for(lambda: "ended" in watch.seen[run_id], f"the end of the pod of run {run_id}")
    return timeline(release.events(run_id), watch.seen[run_id])


def burst(release: Release) -> float:
    """Seconds from the first of many simultaneous launches to the last run's end."""
    with ThreadPoolExecutor(5) as pool:
        ids = list(pool.map(lambda _: release.launch(LOCATION, "one_step"), range(BURST)))
    records = [release.wait_for_run(run_id, {"SUCCESS"}) for run_id in ids]
    return max(r["endTime"] for r in records) - min(r["creationTime"] for r in records)


def pipeline(release: Release) -> PipelineRun:
    """The daily pipeline through all locations."""
    first = release.launch(Stage.INGESTION, DAILY.name)
    runs = release.wait_for_stages(first, list(Stage))
    return PipelineRun(
        wall=runs[-1]["endTime"] - runs[0]["creationTime"],
        waits=waits_between(runs),
        starts={r["tags"]["stage"]: r["startTime"] - r["creationTime"] for r in runs},
        works={r["tags"]["stage"]: r["endTime"] - r["startTime"] for r in runs},
    )


def waits_between(runs: Sequence[dict[str, Any]]) -> list[float]:
    """Seconds from the end of each stage to the record of the next."""
    return [after["creationTime"] - before["endTime"] for before, after in pairwise(runs)]


def idle(release: Release) -> dict[str, Usage]:
    """What the components use when no run is left."""

    def none_left() -> bool:
        return all(p["status"]["phase"] in {"Succeeded", "Failed"} for p in release.run_pods())

    wait_for(none_left, release.run_pods)
    time.sleep(SETTLE_S)
    return usage_over(release, IDLE_S)

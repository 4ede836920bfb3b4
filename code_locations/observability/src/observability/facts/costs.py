"""What a pipeline's round cost, as noted by its runs."""

from __future__ import annotations

from dataclasses import dataclass

from observability.facts.model import PipelineFact, RunFact
from stack.peaks import CPU_TAG, MEMORY_PEAK_TAG, OF_TAG


@dataclass(frozen=True)
class Cost:
    """CPU seconds of all runs, and the highest memory of one, in bytes. None: no run noted it."""

    cpu_seconds: float | None
    memory_bytes: float | None


def cost_of(pipeline: PipelineFact) -> Cost:
    """The cost of the runs that noted it; one whose process was killed didn't."""
    cpu = [seconds for run in pipeline.runs if (seconds := used(run, CPU_TAG)) is not None]
    memory = [peak for run in pipeline.runs if (peak := used(run, MEMORY_PEAK_TAG)) is not None]
    return Cost(sum(cpu) if cpu else None, max(memory, default=None))


def used(run: RunFact, tag: str) -> float | None:
    """A number noted by the run's own process, rather than copied from the run that it repeats."""
    if run.tags.get(OF_TAG) != run.run_id:
        return None
    try:
        return float(run.tags[tag])
    except (KeyError, ValueError):
        return None

"""Write `docs/pipelines.md` from the declared pipelines: `make docs`."""

from __future__ import annotations

from pathlib import Path

from code_locations.definitions import defs
from stack.markdown import markdown_table
from stack.options import RESOURCE, RunOptions
from stack.pipelines import PIPELINES, Pipeline

FILE = Path(__file__).parents[1] / "docs" / "pipelines.md"
HEADER = """\
# Pipelines

Made by `make docs` from `stack/pipelines.py`. In the merged process, each pipeline is one job. In
four code locations, each stage is a run of the same name, and a sensor starts the next one
([why](decisions/0004-continuation-sensors.md)). On one machine, start any of them with
`make run PIPELINE=<name>` or from the UI. Pipelines with a higher priority leave the queue first.
[Options](options.md) skip, repeat or narrow what a run does; to rebuild [days](backfill.md), name
them in the run. Of the runs in the pool `warehouse`, only one at a time can work on a DuckDB file
(`dagster.yaml`); at most 10 runs work at once.

"""
COLUMNS = (
    *("pipeline", "what it does", "stages", "starts by itself"),
    *("options", "days", "pool", "priority"),
)


def render() -> str:
    """The page: one row for each pipeline."""
    return HEADER + markdown_table(COLUMNS, map(_cells, PIPELINES), None) + "\n"


def _cells(pipeline: Pipeline) -> list[str]:
    apart = ", each by itself" if pipeline.monitors else ""
    stages = (", " if pipeline.monitors else " → ").join(pipeline.stages)
    return [
        f"`{pipeline.name}`",
        pipeline.description,
        stages + apart,
        "; ".join(_triggers(pipeline)) or "no",
        ", ".join(f"`{name}`" for name in _options(pipeline)) or "none",
        "yes" if defs.resolve_job_def(pipeline.name).partitions_def else "no",
        ", ".join(f"`{pool}`" for pool in _pools(pipeline)) or "none",
        str(pipeline.priority),
    ]


def _options(pipeline: Pipeline) -> list[str]:
    nodes = defs.resolve_job_def(pipeline.name).nodes
    taken = any(
        RESOURCE in getattr(node.definition, "required_resource_keys", ()) for node in nodes
    )
    return list(RunOptions.model_fields) if taken else []


def _pools(pipeline: Pipeline) -> list[str]:
    nodes = defs.resolve_job_def(pipeline.name).nodes
    return sorted({pool for node in nodes for pool in node.definition.pools})


def _triggers(pipeline: Pipeline) -> list[str]:
    schedule = pipeline.schedule
    triggers = [f"`{schedule.name}`, `{schedule.cron}` UTC"] if schedule else []
    if schedule and schedule.full_after:
        triggers[0] += f", with `full` every {schedule.full_after.days} days"
    sensors = defs.get_repository_def().sensor_defs
    return triggers + [
        f"`{sensor.name}`"
        for sensor in sorted(sensors, key=lambda s: s.name)
        if pipeline.name in {target.job_name for target in sensor.targets}
    ]


if __name__ == "__main__":
    FILE.write_text(render())

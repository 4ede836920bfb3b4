"""The cluster bench takes a run's times from the right events."""

import pytest

from benchmarks.cluster.findings import findings, print_profiles
from benchmarks.cluster.measure import Measured, pipeline, waits_between
from benchmarks.cluster.pods import Usage
from benchmarks.cluster.timeline import between, phases, timeline
from stack.pipelines import Stage


def event(kind: str, at: float, message: str = "") -> dict:
    return {"__typename": kind, "timestamp": str(at * 1000), "message": message}


RUN = [
    event("RunEnqueuedEvent", 10.0),
    event("RunStartingEvent", 10.5),
    event("EngineEvent", 10.6, "Creating Kubernetes run worker job"),
    event("EngineEvent", 12.4, "Started process for run (pid: 1)."),
    event("RunStartEvent", 12.5),
    event("LogsCapturedEvent", 12.625),
    event("ExecutionStepStartEvent", 12.75),
    event("ExecutionStepStartEvent", 13.0),
    event("LogMessageEvent", 13.1, '{"cpu_s": 1.5, "interpreter": 11.25}'),
    event("RunSuccessEvent", 13.5),
]
POD = {"pod": 10.75, "scheduled": 11.0, "ended": 14.0}


def test_each_phase_begins_where_the_one_before_ends():
    found = phases([timeline(RUN, POD)])
    assert found["in the queue"] == 0.5
    assert found["volumes, sandbox, container and interpreter start"] == 0.25
    assert found["to the first step"] == 0.125
    assert found["end of the process and its pod"] == 0.5


def test_a_phase_whose_ends_nobody_saw_is_left_out():
    assert "scheduler" not in phases([timeline(RUN, {})])
    assert "imports of dagster" not in phases([timeline(RUN, POD)])


def test_what_the_last_step_reports_comes_with_the_times():
    assert timeline(RUN, POD)["cpu_s"] == 1.5


def test_the_median_run_counts():
    slow = timeline([*RUN[:4], event("RunStartEvent", 99.0)], POD)
    runs = [timeline(RUN, POD), timeline(RUN, POD), slow]
    assert between(runs, "enqueued", "run_start") == 2.5


def test_waits_are_from_a_stages_end_to_the_next_record():
    stages = [(0.0, 5.0), (6.5, 9.0), (9.25, 10.0)]
    runs = [{"creationTime": created, "endTime": ended} for created, ended in stages]
    assert waits_between(runs) == pytest.approx([1.5, 0.25])


class FourStages:
    """A release whose pipelines take ten seconds a stage, and one between two."""

    def launch(self, location, job):
        assert location == "ingestion"
        return "first"

    def wait_for_stages(self, pipeline_id, stages):
        return [
            {
                "tags": {"stage": str(stage)},
                "creationTime": 11.0 * number,
                "startTime": 11.0 * number + 4,
                "endTime": 11.0 * number + 10,
            }
            for number, stage in enumerate(stages)
        ]


def measured(scale: float) -> Measured:
    """Everything `scale` times as much as in RUN."""
    report = {"memory_mib": 100 * scale, "interpreter_s": 0.02, "connect_s": 0.02}
    run = timeline(RUN, POD) | report
    run |= {name: run[name] * scale for name in ("enqueued", "run_start", "success", "cpu_s")}
    usage = {
        name: Usage(10 * scale, 100 * scale)
        for name in ("ingestion", "transformation", "quality", "catalog", "daemon")
    }
    return Measured([run], [run], 30 * scale, [pipeline(FourStages())], usage)


def test_a_whole_pipeline_is_taken_apart_by_stage():
    found = pipeline(FourStages())
    later = len(Stage) - 1
    assert (found.wall, found.waits) == (10.0 + 11.0 * later, [1.0] * later)
    assert found.starts["quality"] == 4.0
    assert found.works["catalog"] == 6.0


def test_budgets_are_met_or_missed_against_stock(capsys):
    ours, stock = measured(1), measured(4)
    by_name = {f.what: f for f in findings(ours, stock) if f.budget is not None}
    assert by_name["queue to RUN_START"].ratio == 0.25
    assert by_name["queue to RUN_START"].met
    assert by_name["idle CPU of a code server"].met is False
    assert by_name["end of a stage to next run"].met
    print_profiles(ours, stock)
    printed = capsys.readouterr().out
    assert "in the queue" in printed
    assert "transformation" in printed

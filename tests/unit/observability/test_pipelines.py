"""Runs over all stages, with retries, are one round with one outcome."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from observability.facts.model import Outcome, RunFact
from observability.facts.pipelines import pipelines_of
from observability.facts.runs import Read
from stack.pipelines import DAILY, MONITORING, Stage
from stack.tags import STAGE_TAG

BEGUN = datetime(2026, 11, 28, 2, tzinfo=UTC)
STAGES = list(Stage)


class Night:
    """Runs of a pipeline, one after the other."""

    def __init__(self, pipeline=DAILY):
        self.pipeline, self.runs = pipeline, []

    def add(self, status, stage="", of=None, repeats=None, **more):
        n = len(self.runs)
        run_id = f"00000000-0000-4000-8000-{n:012}"
        tags = {STAGE_TAG: str(stage)} if stage else {}
        run = dg.DagsterRun(
            job_name=self.pipeline.name,
            run_id=run_id,
            tags=tags,
            root_run_id=repeats,
            parent_run_id=repeats,
        )
        at = BEGUN + timedelta(minutes=n)
        fact = RunFact(
            run_id=run_id,
            pipeline=self.pipeline.name,
            pipeline_id=of or run_id,
            status=status,
            created=at,
            stage=str(stage),
            ended=at if status in {"success", "failure", "canceled"} else None,
            **more,
        )
        self.runs.append(Read(fact, run))
        return run_id

    @property
    def outcomes(self):
        return [fact.outcome for fact in pipelines_of(self.runs)]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("success", Outcome.SUCCEEDED),
        ("failure", Outcome.FAILED),
        ("canceled", Outcome.CANCELED),
        ("queued", Outcome.WAITING),
        ("not_started", Outcome.WAITING),
        ("starting", Outcome.RUNNING),
        ("canceling", Outcome.RUNNING),
    ],
)
def test_a_run_of_one_process_is_its_own_round(status, outcome):
    night = Night()
    night.add(status)
    assert night.outcomes == [outcome]


def test_a_round_waits_between_its_stages_and_ends_with_the_last():
    night = Night()
    first = night.add("success", STAGES[0])
    assert night.outcomes == [Outcome.WAITING]
    for stage in STAGES[1:]:
        night.add("success", stage, of=first)
    [fact] = pipelines_of(night.runs)
    assert (fact.outcome, fact.pipeline_id, len(fact.runs)) == (
        Outcome.SUCCEEDED,
        first,
        len(STAGES),
    )
    assert (fact.begun, fact.ended) == (BEGUN, BEGUN + timedelta(minutes=len(STAGES) - 1))


def test_a_stage_that_failed_is_not_the_end_while_it_is_made_again():
    night = Night()
    first = night.add("success", STAGES[0])
    failed = night.add("failure", STAGES[1], of=first, will_retry=True)
    assert night.outcomes == [Outcome.WAITING]
    night.add("started", STAGES[1], of=first, repeats=failed)
    assert night.outcomes == [Outcome.RUNNING]


def test_a_first_stage_that_is_made_again_begins_no_second_round():
    night = Night()
    failed = night.add("failure", STAGES[0], will_retry=True)
    again = night.add("success", STAGES[0], repeats=failed)
    for stage in STAGES[1:]:
        night.add("success", stage, of=again)
    [fact] = pipelines_of(night.runs)
    assert (fact.outcome, fact.begun, len(fact.runs)) == (Outcome.SUCCEEDED, BEGUN, len(STAGES) + 1)


def test_slices_that_wait_for_nothing_are_rounds_of_their_own_and_the_newest_comes_first():
    night = Night(MONITORING)
    ids = [night.add("success", stage) for stage in STAGES]
    assert [fact.pipeline_id for fact in pipelines_of(night.runs)] == ids[::-1]
    assert night.outcomes == [Outcome.SUCCEEDED] * len(STAGES)

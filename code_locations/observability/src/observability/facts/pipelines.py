"""Groups runs into pipelines: one round over all stages, including retries, is one fact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from observability.facts.model import Outcome, PipelineFact, RunFact
from observability.facts.runs import Read
from stack.continuation import skipped_stages
from stack.pipelines import PIPELINES, Stage

_DECLARED = {pipeline.name: pipeline for pipeline in PIPELINES}
_WAITING = {"queued", "not_started"}
_UNDER_WAY = {"starting", "started", "canceling"}
_ENDED = {Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELED}


def pipelines_of(read: Iterable[Read]) -> tuple[PipelineFact, ...]:
    """The rounds that these runs belong to, newest first."""
    runs = sorted(read, key=lambda found: found.fact.created)
    begun_as = _begun_as(runs)
    rounds: dict[str, list[Read]] = {}
    for found in runs:
        id_ = found.fact.pipeline_id
        rounds.setdefault(begun_as.get(id_, id_), []).append(found)
    facts = [_fact(id_, members) for id_, members in rounds.items()]
    return tuple(sorted(facts, key=lambda fact: fact.begun, reverse=True))


def _begun_as(runs: Sequence[Read]) -> dict[str, str]:
    """For each retry of a first run, by its id: the id of the run that it repeats."""
    return {
        found.run.run_id: found.run.root_run_id
        for found in runs
        if found.run.root_run_id and found.fact.pipeline_id == found.run.run_id
    }


def _fact(pipeline_id: str, members: Sequence[Read]) -> PipelineFact:
    repeated = {found.run.parent_run_id for found in members}
    standing = [found for found in members if found.run.run_id not in repeated]
    outcome = _outcome(standing)
    ends = [found.fact.ended for found in members if found.fact.ended is not None]
    return PipelineFact(
        pipeline=members[0].fact.pipeline,
        pipeline_id=pipeline_id,
        outcome=outcome,
        begun=members[0].fact.created,
        runs=tuple(found.fact for found in members),
        ended=max(ends) if ends and outcome in _ENDED else None,
    )


def _outcome(standing: Sequence[Read]) -> Outcome:
    facts: list[RunFact] = [found.fact for found in standing]
    statuses = {fact.status for fact in facts}
    if statuses & _UNDER_WAY:
        return Outcome.RUNNING
    if statuses & _WAITING:
        return Outcome.WAITING
    failed = [fact for fact in facts if fact.status == "failure"]
    if failed:
        return Outcome.WAITING if all(fact.will_retry for fact in failed) else Outcome.FAILED
    if "canceled" in statuses:
        return Outcome.CANCELED
    return Outcome.WAITING if _is_continued(standing) else Outcome.SUCCEEDED


def _is_continued(standing: Sequence[Read]) -> bool:
    """Whether another stage follows the last one, whose run succeeded."""
    stages = [(Stage(f.fact.stage), f.run) for f in standing if f.fact.stage in set(Stage)]
    pipeline = _DECLARED.get(standing[0].fact.pipeline)
    if pipeline is None or not stages:
        return False
    order = list(Stage)
    last, run = max(stages, key=lambda found: order.index(found[0]))
    return pipeline.stage_after(last, skip=skipped_stages(run)) is not None

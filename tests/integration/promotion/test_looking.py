"""What is read from an environment's run storage of either kind: real runs, real checks."""

import os

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from pods.held import HELD_TAG, end
from scripts.promotion.images import Image, PromotionError
from scripts.promotion.looking import IMAGE_TAG, Queued, jobs_of, opened, queued, rounds
from scripts.promotion.proof import Demand, doubts
from stack.pipelines import DAILY
from stack.tags import PIPELINE_ID_TAG, PIPELINE_TAG, STAGE_TAG
from support.promotion import LOCATIONS, NEW, OLD, proven, reference

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
IMAGES = {
    name: Image(repository=f"freelancer-data-stack/{name}", tag="0.2.0", digest=NEW)
    for name in LOCATIONS
}


class Night:
    """Daily pipelines on an instance, stage by stage."""

    def __init__(self, instance):
        self.instance = instance

    def stage(self, name, pipeline_id="first", severity="WARN", passes=True, digest=NEW, **tags):
        image = IMAGES[name].model_copy(update={"digest": digest})
        marks = {
            PIPELINE_TAG: DAILY.name, STAGE_TAG: name, PIPELINE_ID_TAG: pipeline_id,
            "dagster/code_location": name, IMAGE_TAG: reference(image),
        }  # fmt: skip
        return job_of(name, severity, passes).execute_in_process(
            instance=self.instance, raise_on_error=False, run_config=QUIET, tags=marks | tags
        )

    def end(self, pipeline_id="first", stages=LOCATIONS[2:], **of_quality):
        for name in stages:
            self.stage(name, pipeline_id, **(of_quality if name == "quality" else {}))

    def held(self, name, pipeline_id):
        """A stage that ended without a pod."""
        image = reference(IMAGES[name])
        pointer = ModuleCodePointer(name, "defs")
        origin = JobPythonOrigin(
            DAILY.name, RepositoryPythonOrigin("python", pointer, container_image=image)
        )
        run = self.instance.create_run_for_job(
            job_of(name),
            tags={
                PIPELINE_TAG: DAILY.name, STAGE_TAG: name, PIPELINE_ID_TAG: pipeline_id,
                "dagster/code_location": name, HELD_TAG: "all holds",
            },
            job_code_origin=origin,
        )  # fmt: skip
        end(self.instance, run, "all holds")

    def doubts(self, name="quality"):
        found = rounds(self.instance)
        proof = proven(IMAGES, rounds=found, at=found[0].ended)
        return list(doubts(proof, Demand({name: IMAGES[name]}, cluster=False), proof.at))


def job_of(location, severity="WARN", passes=True):
    @dg.asset(
        key=["marts", location],
        check_specs=[dg.AssetCheckSpec("adds_up", asset=["marts", location])],
    )
    def table():
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(
            check_name="adds_up", passed=passes, severity=dg.AssetCheckSeverity[severity]
        )

    job = dg.define_asset_job(DAILY.name, selection=[table])
    return dg.Definitions(
        assets=[table], jobs=[job], executor=dg.in_process_executor
    ).resolve_job_def(DAILY.name)


@pytest.fixture
def night(tmp_path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield Night(instance)


def test_a_night_by_these_images_is_read_from_either_storage(tmp_path, postgres_url):
    from support.servers import new_database

    url = new_database(postgres_url)
    home = tmp_path / "dagster.yaml"
    home.write_text(
        f"telemetry: {{enabled: false}}\nstorage: {{postgres: {{postgres_url: '{url}'}}}}\n"
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        Night(instance).end(stages=LOCATIONS)
    for where in (url, str(tmp_path)):
        with opened(where) as instance:
            (found,) = rounds(instance)
            jobs = jobs_of(instance, IMAGES)
        assert "PROMOTION_POSTGRES_URL" not in os.environ
        assert (found.pipeline_id, found.outcome, found.checks.passed) == ("first", "succeeded", 4)
        assert [run.location for run in found.runs] == list(LOCATIONS)
        assert all(found.by(name, IMAGES[name]) for name in LOCATIONS)
        assert [list(jobs[name]) for name in LOCATIONS] == [[DAILY.name]] * 4


def test_a_check_that_fails_or_warns_keeps_it_from_being_proven(night):
    night.end("first", severity="ERROR", passes=False)
    (line,) = night.doubts()
    assert "failed the check adds_up of marts/quality" in line
    night.end("second", passes=False)
    (line,) = night.doubts()
    assert "warned of adds_up of marts/quality" in line
    night.end("third")
    assert night.doubts() == []


def test_a_round_that_another_image_began_is_not_this_ones(night):
    night.end()
    night.end("second", digest=OLD)
    assert night.doubts() == []
    newest, first = rounds(night.instance)
    assert not newest.by("quality", IMAGES["quality"])
    assert first.by("quality", IMAGES["quality"])


def test_a_round_between_two_stages_is_not_over(night):
    night.stage("ingestion")
    (found,) = rounds(night.instance)
    assert (found.outcome, found.ended) == ("waiting", None)


def test_a_stage_without_a_pod_is_not_the_images_work(night):
    night.stage("quality")
    night.held("catalog", "first")
    (found,) = rounds(night.instance)
    assert found.runs[-1].image == reference(IMAGES["catalog"])
    assert found.outcome == "succeeded"
    assert night.doubts() == []
    (line,) = night.doubts("catalog")
    assert "with the option `full` if all holds" in line


def test_what_waits_in_the_queue_is_counted_by_location_and_job(night):
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("quality"), "__repository__"),
        DAILY.name,
    )
    for _ in range(2):
        run = night.instance.create_run_for_job(
            job_of("quality"), status=dg.DagsterRunStatus.QUEUED, remote_job_origin=origin
        )
    expected = Queued("quality", DAILY.name, 2, frozenset([run.job_snapshot_id]))
    assert queued(night.instance) == (expected,)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/x", "the run storage gives no answer"),
        ("/nowhere", "no dagster.yaml there"),
    ],
)
def test_a_storage_that_is_none_is_one_line(where, says):
    with pytest.raises(PromotionError) as error, opened(where):
        pass
    assert says in str(error.value)
    assert "hunter2" not in str(error.value)


def test_nothing_is_made_in_a_database_that_has_no_run_storage(postgres_url):
    import sqlalchemy as sa

    from support.servers import new_database

    url = new_database(postgres_url)
    with pytest.raises(PromotionError), opened(url):
        pass
    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()

"""What a proof proves, and the sentence about what it doesn't."""

from datetime import timedelta

import pytest

from scripts.promotion.images import Image, PromotionError
from scripts.promotion.looking import Queued, warnings
from scripts.promotion.proof import Checks, Demand, Deployed, doubts, read_proof
from support.promotion import LOCATIONS, NEW, NOW, OLD, proven, reference


def image(name, digest=NEW):
    return Image(repository=f"freelancer-data-stack/{name}", tag="0.2.0", digest=digest)


IMAGES = {name: image(name) for name in ("dagster", *LOCATIONS)}
QUALITY = {"quality": IMAGES["quality"]}
ALL_PROVEN = proven(IMAGES)
(NIGHT,) = ALL_PROVEN.rounds


def told(proof, promoted=None, now=NOW, **demand):
    return list(doubts(proof, Demand(promoted or QUALITY, **demand), now))


def after(*rounds):
    return ALL_PROVEN.model_copy(update={"rounds": rounds})


def night(**changes):
    return NIGHT.model_copy(update=changes)


def runs(**by_location):
    """Those of the night, some with another image or held."""
    return tuple(run.model_copy(update=by_location.get(run.location, {})) for run in NIGHT.runs)


def test_a_night_that_succeeded_by_all_images_is_a_proof():
    assert told(ALL_PROVEN, IMAGES, beside=IMAGES) == []


@pytest.mark.parametrize(
    ("rounds", "says"),
    [
        ([], "no daily_data_pipeline by it is over in dev; run it there"),
        ([night(outcome="failed")], "its last daily_data_pipeline in dev (night-of) failed"),
        ([night(outcome="canceled")], "canceled; see why, and run it again"),
        ([night(outcome="failed"), NIGHT], "failed; see why"),
        ([night(checks=Checks(passed=9, failed=("a of b",)))], "failed the check a of b"),
        ([night(checks=Checks(passed=9, warned=("a of b",)))], "say --with-warnings"),
        ([night(checks=Checks(passed=9, missing=("a of b",)))], "did not evaluate a of b"),
        ([night(checks=Checks())], "evaluated no check"),
        (
            [night(ended=NOW - timedelta(days=1, seconds=1))],
            "ended 2026-11-27 05:59 UTC, more than a day ago",
        ),
        ([night(runs=runs(quality={"image": reference(image("quality", OLD))}))], "no daily"),
        ([night(runs=runs(quality={"image": f"x-{reference(image('quality'))}x"}))], "no daily"),
        ([night(runs=runs(quality={"image": reference(image("catalog"))}))], "no daily"),
        ([night(runs=runs(quality={"held": True}))], "with the option `full` if all holds"),
        ([night(ended=None, outcome="running")], "no daily_data_pipeline by it is over"),
    ],
)
def test_what_does_not_prove_is_said(rounds, says):
    (line,) = told(after(*rounds))
    assert line.startswith("quality 111111111111: ")
    assert says in line


def test_a_round_under_way_does_not_take_the_last_ones_proof():
    assert told(after(night(ended=None, outcome="running"), NIGHT)) == []


def test_of_a_stage_that_was_repeated_the_last_run_counts():
    retry = NIGHT.runs[2].model_copy(update={"run_id": "again"})
    first = runs(quality={"image": reference(image("quality", OLD)), "status": "failure"})
    assert told(after(night(runs=(*first, retry)))) == []


def test_warnings_may_be_accepted():
    warned = after(night(checks=Checks(passed=9, warned=("a of b",))))
    assert told(warned, warnings=True) == []


def test_images_that_never_ran_together_are_no_proof_of_all():
    apart = after(night(runs=runs(catalog={"image": reference(image("catalog", OLD))})))
    assert told(apart) == []
    (line,) = told(apart, beside=IMAGES)
    assert "ran with another image of catalog; run them together" in line


@pytest.mark.parametrize(
    ("deployed", "says"),
    [
        (None, "was not looked at; name its cluster by --context, or say --without-cluster"),
        ((), "not deployed in dev"),
        (
            (Deployed(name="q", part="quality", image="r/quality:latest"),),
            "dev has r/quality:latest deployed; wait until it is rolled out",
        ),
        (
            (
                Deployed(
                    name="q", part="quality", image=reference(image("quality")), trouble="0 of 1"
                ),
            ),
            "unhealthy in dev: q: 0 of 1; mend it there first",
        ),
    ],
)
def test_what_is_not_deployed_and_ready_is_said(deployed, says):
    proof = ALL_PROVEN.model_copy(update={"deployed": deployed})
    (line,) = told(proof)
    assert says in line
    assert told(proof, cluster=False) == []


def test_the_image_of_dagster_needs_no_run_but_a_healthy_deployment():
    dagster = {"dagster": IMAGES["dagster"]}
    assert told(after(), dagster) == []
    assert told(ALL_PROVEN.model_copy(update={"deployed": ()}), dagster) != []


def test_a_proof_is_of_its_images_only():
    (line,) = told(ALL_PROVEN, {"quality": image("quality", OLD)})
    assert "the proof of dev is about another image; make it again" in line


def test_a_proof_from_the_future_is_none():
    (line,) = told(ALL_PROVEN, now=NOW - timedelta(hours=1))
    assert "yet to come" in line


def test_a_proof_survives_the_way_through_a_file(tmp_path):
    file = tmp_path / "proof.json"
    file.write_text(ALL_PROVEN.text)
    assert read_proof(file) == ALL_PROVEN
    assert read_proof(file).digest == ALL_PROVEN.digest


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no proof"),
        (b"\xff\xfe", "is no proof"),
        (b"[]", "is no proof"),
        (b'{"version": 2}', "is no proof: version"),
        (ALL_PROVEN.text.replace('"rounds"', '"round"').encode(), "is no proof: round: Extra"),
    ],
)
def test_a_file_that_is_no_proof_is_refused(tmp_path, content, says):
    file = tmp_path / "proof.json"
    file.write_bytes(content)
    with pytest.raises(PromotionError) as error:
        read_proof(file)
    assert says in str(error.value)
    assert "stack prove" in str(error.value)


def test_queued_runs_of_a_job_that_goes_or_changes_are_told():
    jobs = {"quality": {"same": "a", "changed": "b"}}
    waiting = (
        Queued("quality", "same", 1, frozenset("a")),
        Queued("quality", "changed", 2, frozenset("a")),
        Queued("quality", "gone", 1, frozenset("a")),
        Queued("quality", "part_of_same", 1, frozenset()),
        Queued("catalog", "gone", 1, frozenset("a")),
    )
    jobs["quality"]["part_of_same"] = "c"
    assert list(warnings(waiting, QUALITY, jobs, "staging")) == [
        "2 queued runs of changed in staging: the new quality defines it otherwise, "
        "and they will run that",
        "1 queued run of gone in staging: no run of it by the new quality; if it is gone, "
        "they will fail",
    ]

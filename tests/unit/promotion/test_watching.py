"""The verdict on a commit, from what its environment shows."""

import pytest

from scripts.promotion.cluster import Broken
from scripts.promotion.images import Image, PromotionError
from scripts.promotion.proof import Deployed
from scripts.promotion.watching import Look, State, judge, watch
from support.promotion import NEW, OLD, reference


def image(name, digest=NEW):
    return Image(repository=f"freelancer-data-stack/{name}", tag="0.2.0", digest=digest)


IMAGES = {name: image(name) for name in ("dagster", "catalog", "quality")}


def deployed(part, digest=NEW, trouble=""):
    return Deployed(
        name=f"stack-{part}", part=part, image=reference(image(part, digest)), trouble=trouble
    )


def broken(part, digest=NEW):
    return Broken("pod-1", part, reference(image(part, digest)), "ended 2 times, OOMKilled")


HEALTHY = (deployed("dagster"), deployed("catalog"))


def judged(*found, crashing=()):
    verdict = judge(IMAGES, Look(found, crashing))
    return str(verdict.state), verdict.told


def test_what_is_deployed_and_ready_is_a_success_also_where_a_location_is_switched_off():
    assert judged(*HEALTHY) == ("success", "catalog, dagster run by its images")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([], "webserver and daemon are not deployed yet"),
        ([deployed("catalog")], "webserver and daemon are not deployed yet"),
        ([*HEALTHY, deployed("quality", OLD)], "stack-quality still has registry.example.org/"),
        ([*HEALTHY, deployed("quality", trouble="0 of 1 ready")], "stack-quality: 0 of 1 ready"),
        ([*HEALTHY, deployed("former")], "stack-former is still there, but no image is named"),
    ],
)
def test_what_is_lacking_is_waited_for(found, says):
    state, told = judged(*found)
    assert state == "pending"
    assert told.startswith(says)


def test_a_pod_of_the_new_image_that_crashes_is_a_failure_while_the_old_one_is_ready():
    ready = [*HEALTHY, deployed("quality", OLD)]
    assert judged(*ready, crashing=[broken("quality")]) == (
        "failure", "quality 111111111111: pod-1 ended 2 times, OOMKilled",
    )  # fmt: skip


def test_a_crash_of_the_former_image_is_not_the_commits():
    assert judged(*HEALTHY, crashing=[broken("catalog", OLD)])[0] == "success"


def test_what_does_not_come_in_time_is_a_failure_that_says_what_is_lacking():
    verdict = watch(IMAGES, lambda: Look([deployed("catalog")], ()), within_s=0)
    assert verdict.state == State.FAILURE
    assert verdict.told == "not after 0 s: webserver and daemon are not deployed yet"


def test_a_cluster_that_is_away_for_a_look_is_asked_again_but_not_at_the_first(monkeypatch):
    monkeypatch.setattr("scripts.promotion.watching.EVERY_S", 0)
    looks = iter([Look((), ()), None, Look(HEALTHY, ())])

    def look():
        found = next(looks)
        if found is None:
            raise PromotionError("kubectl get failed: away")
        return found

    assert watch(IMAGES, look, within_s=60).state == State.SUCCESS
    looks = iter([None])
    with pytest.raises(PromotionError, match="away"):
        watch(IMAGES, look, within_s=60)

"""`stack promote` and `stack rollback`, on separate git repositories and with the real helm."""

from datetime import UTC, datetime

import pytest
import yaml
from click.testing import CliRunner

from chart.rendering import CHART
from scripts.promotion.cli import promote_command
from scripts.promotion.images import PromotionError, images_file, with_images
from scripts.promotion.promoting import promote, roll_back
from scripts.promotion.proof import read_proof
from support.promotion import (
    NEW,
    NEWER,
    OLD,
    be_nobody,
    everything,
    git,
    images_at,
    images_of,
    new_repository,
    promotion,
    proven,
    repository,
    set_images,
)

BUILT = 'image: {{repository: freelancer-data-stack/{name}, tag: "0.2.0", digest: "{digest}"}}'
BRANCH = "promote/dev-to-staging"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A clone whose dev has one newer image than staging."""
    be_nobody(monkeypatch)
    return new_repository(tmp_path / "repository")


def promoted(root, *arguments, **options):
    return promote(repository(root), promotion(*arguments, **options))


def refused(root, source="dev", target="staging", **options):
    """Why it was refused, after checking that nothing changed."""
    before = everything(root)
    with pytest.raises(PromotionError) as error:
        promoted(root, source, target, **options)
    assert everything(root) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def merge(root, branch=BRANCH):
    git(root, "merge", "--quiet", "--no-ff", "--message", "Merge", branch)


def test_digests_of_the_real_chart_reach_the_next_environment_in_one_commit(tmp_path, monkeypatch):
    be_nobody(monkeypatch)
    root = new_repository(tmp_path / "repository", chart=CHART)
    before = everything(root)[1:]
    shown = promoted(root)
    assert everything(root)[1:] == before, "the checkout is not touched"
    assert images_at(root, BRANCH, "staging") == images_at(root, "main", "dev")
    changed = git(root, "diff", "--name-only", "main", BRANCH).split()
    assert changed == ["k8s/envs/staging/images.yaml"]
    assert f"-        image: registry.example.org/freelancer-data-stack/quality@{OLD}" in shown
    assert f"+        image: registry.example.org/freelancer-data-stack/quality@{NEW}" in shown
    headings = [line for line in shown.splitlines() if line.startswith("+++ ")]
    assert headings == ["+++ Deployment/freelancer-data-stack-staging-quality then"]


def test_the_commit_says_what_proves_it(root):
    found = proven(images_of(root, "dev"))
    promoted(root, prove=lambda _: found)
    title, *lines = git(root, "show", "--no-patch", "--format=%B", BRANCH).strip().splitlines()
    assert title == "Promote the images of dev to staging"
    assert "quality: 0.1.0 000000000000 → 0.1.0 111111111111" in lines
    assert "catalog" not in "".join(lines)
    trailers = git(root, "show", "--no-patch", "--format=%(trailers:only,unfold)", BRANCH).split(
        "\n"
    )
    assert trailers[:4] == [
        f"Promoted-From: dev@{git(root, 'rev-parse', 'main').strip()}",
        f"Digest: quality@{NEW}",
        "Runs: quality run-quality",
        f"Proof: {found.digest}",
    ]


def test_comment_and_registry_of_the_target_stay(root):
    file = images_file(root, "staging")
    comment = file.read_text().splitlines()[0]
    file.write_text(f"{file.read_text()}image: {{registry: eu.example.org/mirror}}\n")
    git(root, "commit", "--quiet", "--all", "--message", "Mirror")
    promoted(root)
    text = git(root, "show", f"{BRANCH}:k8s/envs/staging/images.yaml")
    assert text.startswith(comment)
    assert yaml.safe_load(text)["image"] == {"registry": "eu.example.org/mirror"}


def test_what_the_image_build_prints_can_be_promoted(root):
    entries = {name: BUILT.format(name=name, digest=NEW) for name in images_of(root, "dev")}
    dagster = entries.pop("dagster")
    lines = "".join(f"  {name}:\n    {entry}\n" for name, entry in entries.items())
    images_file(root, "dev").write_text(
        f"image: {{registry: localhost:5000}}\ndagster:\n  {dagster}\ncodeLocations:\n{lines}"
    )
    git(root, "commit", "--quiet", "--all", "--message", "Build")
    shown = promoted(root)
    assert set(images_at(root, BRANCH, "staging").values()) == {NEW}
    assert "localhost:5000" not in shown


def test_a_location_that_came_or_went_is_promoted_too(root):
    file = images_file(root, "dev")
    images = images_of(root, "dev")
    images["forecasts"] = images.pop("catalog").model_copy(update={"repository": "acme/forecasts"})
    file.write_text(with_images(file.read_text(), images))
    git(root, "commit", "--quiet", "--all", "--message", "Forecasts")
    shown = promoted(root)
    assert "catalog: 0.1.0 000000000000 → removed" in shown
    assert "forecasts: absent → 0.1.0 000000000000" in shown
    assert list(images_at(root, BRANCH, "staging")) == list(images)


def test_equal_digests_make_nothing(root):
    promoted(root)
    merge(root)
    before = everything(root)
    assert promoted(root) == "nothing to promote: staging has the images of dev"
    assert everything(root) == before


def test_after_a_merge_the_next_promotion_takes_the_branch_over(root):
    promoted(root)
    merge(root)
    set_images(root, "dev", quality=NEWER)
    promoted(root)
    assert images_at(root, BRANCH, "staging")["quality"] == NEWER


def test_the_same_again_makes_nothing(root):
    promoted(root)
    before = everything(root)
    assert f"branch {BRANCH} is there already, with the same images" in promoted(root)
    assert everything(root) == before


def test_another_promotion_that_waits_to_be_merged_is_not_written_over(root):
    promoted(root)
    set_images(root, "dev", quality=NEWER)
    assert f"branch {BRANCH} has other images" in refused(root)


def test_a_dry_run_shows_all_and_makes_nothing(root):
    before = everything(root)
    shown = promote(repository(root), promotion(), dry_run=True)
    assert everything(root) == before
    assert f"+  image: freelancer-data-stack/quality@{NEW}" in shown
    assert "dry run: nothing was made" in shown


def test_other_work_stays_out_of_the_commit(root):
    (root / "staged").write_text("staged")
    git(root, "add", "staged")
    values = root / "k8s" / "envs" / "staging" / "values.yaml"
    values.write_text(values.read_text() + "# edited\n")
    promoted(root)
    assert git(root, "diff", "--name-only", "main", BRANCH).split() == [
        "k8s/envs/staging/images.yaml"
    ]
    assert git(root, "status", "--porcelain").splitlines() == [
        " M k8s/envs/staging/values.yaml", "A  staged",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("dev", "qa", "no environment `qa`; environments are dev → staging → prod"),
        ("qa", "dev", "no environment `qa`"),
        ("dev", "dev", "FROM and TO are both dev"),
        ("dev", "prod", "dev to prod is not one step forward"),
        ("staging", "dev", "staging to dev is not one step forward"),
        ("", "staging", "both are needed"),
        ("staging", "prod", "k8s/envs/staging/images.yaml has changes that are not committed"),
    ],
)
def test_a_step_that_is_none_is_refused(root, source, target, says):
    images_file(root, "staging").open("a").write("# edited\n")
    assert says in refused(root, source, target)


def test_target_with_changes_is_refused(root):
    images_file(root, "staging").open("a").write("# edited\n")
    assert "commit or restore it" in refused(root)


def test_an_environment_without_a_file_is_refused(root):
    git(root, "rm", "--quiet", "k8s/envs/staging/images.yaml")
    git(root, "commit", "--quiet", "--message", "No staging")
    with pytest.raises(PromotionError, match=r"no file k8s/envs/staging/images\.yaml"):
        promoted(root)


@pytest.mark.parametrize(
    ("switch", "says"),
    [
        (("switch", "--quiet", "--create", "mine"), "on mine: environments follow main"),
        (("switch", "--quiet", "--detach"), "on no branch: environments follow main"),
    ],
)
def test_another_branch_is_refused(root, switch, says):
    git(root, *switch)
    assert says in refused(root)


def test_image_without_digest_is_refused_by_name_and_file(root):
    set_images(root, "dev", catalog="")
    said = refused(root)
    assert said.startswith("k8s/envs/dev/images.yaml: catalog has no digest")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (f"digest: {NEW}", "digest: latest", "quality has digest `latest`"),
        ("tag: 0.1.0", "tag: 1.0", ".image.tag: found 1.0, expected text"),
        (
            "  quality:\n    image:",
            "  quality:\n    env: {A: b}\n    image:",
            "quality.env: found an unknown field, expected one of image",
        ),
        (
            "codeLocations:",
            "locations:",
            "locations: found an unknown field, expected one of dagster, codeLoc",
        ),
        ("codeLocations:", "codeLocations: [", "can't be read as YAML"),
    ],
)
def test_a_file_that_is_no_list_of_images_is_refused(root, old, new, says):
    file = images_file(root, "dev")
    text = file.read_text().replace("digest: '1", "digest: 1").replace("1'\n", "1\n")
    assert old in text
    file.write_text(text.replace(old, new, 1))
    git(root, "commit", "--quiet", "--all", "--message", "Broken")
    said = refused(root)
    assert said.startswith("k8s/envs/dev/images.yaml:")
    assert says in said


def test_what_helm_cannot_render_is_refused(root):
    template = root / "charts" / "freelancer-data-stack" / "templates" / "all.yaml"
    template.write_text(template.read_text() + '{{ fail "no tlsSecrets" }}\n')
    git(root, "commit", "--quiet", "--all", "--message", "Broken")
    said = refused(root)
    assert said.startswith("helm template failed: ")
    assert "no tlsSecrets" in said


def test_a_commit_that_a_hook_refuses_leaves_nothing(root):
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    assert refused(root) == "git commit failed: not today"


def test_without_helm_it_says_so_and_changes_nothing(root, monkeypatch):
    monkeypatch.setenv("HELM_BIN", "/nowhere/helm")
    assert "helm can't be run" in refused(root)


def test_two_locations_at_once_and_no_other(root):
    commit = git(root, "rev-parse", "HEAD").strip()
    every = dict.fromkeys(images_of(root, "dev"), commit)
    set_images(root, "staging", commits=every)
    set_images(root, "dev", commits=every, ingestion=NEW, quality=NEW, catalog=NEW)
    promoted(root, only=("quality", "ingestion"))
    assert images_at(root, BRANCH, "staging") == {
        "dagster": OLD, "ingestion": NEW, "transformation": OLD, "quality": NEW, "catalog": OLD,
    }  # fmt: skip
    title = git(root, "show", "--no-patch", "--format=%s", BRANCH).strip()
    assert title == "Promote ingestion, quality of dev to staging"


def test_a_location_that_is_none_is_refused(root):
    assert "no location revenue; there is catalog, dagster" in refused(root, only=("revenue",))


def test_one_location_whose_commit_nobody_knows_is_refused(root):
    assert "images.yaml names no commit of it" in refused(root, only=("quality",))


def test_what_is_not_proven_is_refused_by_name(root):
    said = refused(root, prove=lambda images: proven(images, rounds=()))
    assert said.startswith("not proven: quality 111111111111: no daily_data_pipeline by it is over")


def test_the_proof_of_another_environment_is_refused(root):
    said = refused(root, prove=lambda images: proven(images, "prod"))
    assert said == "the proof is of prod, not of dev; stack prove dev"


@pytest.fixture
def command(root, tmp_path, monkeypatch):
    """Run `stack promote dev staging` on an environment in which nothing has run."""
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setattr("scripts.promotion.cli.ROOT", root)
    for name in ("KUBECONFIG", "FORGE_TOKEN", "PROMOTION_SOURCE_URL", "PROMOTION_TARGET_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments):
        given = ["dev", "staging", "--instance", str(home), *arguments]
        return CliRunner().invoke(promote_command, given)

    return run


def test_the_command_writes_the_proof_that_it_makes_and_reads_one_that_is_there(
    root, tmp_path, command
):
    file = tmp_path / "proof.json"
    done = command("--without-cluster", "--proof", str(file))
    assert "no daily_data_pipeline by it is over in dev" in str(done.exception)
    assert read_proof(file).images == images_of(root, "dev")
    now = datetime.now(UTC)
    found = proven(images_of(root, "dev"), at=now)
    night = found.rounds[0].model_copy(update={"ended": now})
    file.write_text(found.model_copy(update={"rounds": (night,)}).text)
    done = command("--proof", str(file))
    assert "committed as" in done.output
    assert "note: what waits in staging's queue was not looked at" in done.output


def test_without_a_cluster_it_has_to_be_said(command):
    told = str(command().exception)
    assert "was not looked at; name its cluster by --context, or say --without-cluster" in told


def test_a_rollback_gives_the_images_before(root):
    promoted(root)
    merge(root)
    assert images_at(root, "main", "staging")["quality"] == NEW
    shown = roll_back(repository(root), "staging")
    assert "quality: 0.1.0 111111111111 → 0.1.0 000000000000" in shown
    assert images_at(root, "rollback/staging", "staging")["quality"] == OLD
    trailers = git(
        root, "show", "--no-patch", "--format=%(trailers:key=Rolled-Back-To,valueonly)",
        "rollback/staging",
    )  # fmt: skip
    first = git(root, "rev-list", "--max-parents=0", "HEAD").strip()
    assert trailers.strip() == first


def test_a_rollback_to_a_commit_gives_its_images(root):
    set_images(root, "staging", quality=NEW)
    wanted = git(root, "rev-parse", "HEAD").strip()
    set_images(root, "staging", quality=NEWER)
    set_images(root, "staging", catalog=NEWER)
    roll_back(repository(root), "staging", wanted)
    assert images_at(root, "rollback/staging", "staging") == images_at(root, wanted, "staging")
    assert "nothing to take back" in roll_back(repository(root), "staging", "HEAD")


@pytest.mark.parametrize(
    ("environment", "to", "says"),
    [
        ("qa", "", "no environment `qa`"),
        ("staging", "", "never had other images"),
        ("staging", "no-such", "no commit no-such here"),
        ("staging", "--all", "no commit --all here"),
    ],
)
def test_a_rollback_to_nowhere_is_refused(root, environment, to, says):
    before = everything(root)
    with pytest.raises(PromotionError, match=says):
        roll_back(repository(root), environment, to)
    assert everything(root) == before

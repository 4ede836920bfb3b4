"""`make promote`, on a git repository of its own and with the real helm."""

import shutil
import subprocess

import pytest
import yaml

from chart.environments import ENVS
from chart.rendering import CHART
from scripts.chart_values_page import ROOT
from scripts.promote import PromotionError, images_file, promote, read_images, with_images

OLD, NEW = (f"sha256:{digit * 64}" for digit in "01")
BUILT = 'image: {{repository: freelancer-data-stack/{name}, tag: "0.2.0", digest: "{digest}"}}'


def git(root, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout


def images_of(root, environment):
    return read_images(images_file(root, environment))


def set_images(root, environment, **digests):
    """Commits other digests; of all images that are not named, the old one."""
    file = images_file(root, environment)
    images = {
        name: image.model_copy(update={"digest": digests.get(name, OLD)})
        for name, image in images_of(root, environment).items()
    }
    file.write_text(with_images(file.read_text(), images))
    git(root, "commit", "--quiet", "--all", "--message", f"Images of {environment}")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository whose dev has one newer image than staging, and prod none."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{part}_NAME", "Dev")
        monkeypatch.setenv(f"GIT_{part}_EMAIL", "dev@example.org")
    repository = tmp_path / "repository"
    for folder in (CHART, ENVS):
        shutil.copytree(folder, repository / folder.relative_to(ROOT))
    git(tmp_path, "init", "--quiet", str(repository))
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "First")
    set_images(repository, "dev", quality=NEW)
    set_images(repository, "staging")
    return repository


def refused(root, source, target):
    """Why it was refused, having seen that nothing changed."""
    head, before = git(root, "rev-parse", "HEAD"), git(root, "status", "--porcelain")
    texts = [images_file(root, name).read_text() for name in ("dev", "staging", "prod")]
    with pytest.raises(PromotionError) as error:
        promote(root, source, target)
    assert git(root, "rev-parse", "HEAD") == head
    assert git(root, "status", "--porcelain") == before
    assert [images_file(root, name).read_text() for name in ("dev", "staging", "prod")] == texts
    assert "\n" not in str(error.value)
    return str(error.value)


def test_digests_reach_the_next_environment_in_one_commit(root):
    shown = promote(root, "dev", "staging")
    assert images_of(root, "staging") == images_of(root, "dev")
    assert git(root, "show", "--format=", "--name-only", "HEAD").split() == [
        "k8s/envs/staging/images.yaml"
    ]
    message = git(root, "show", "--no-patch", "--format=%B", "HEAD")
    assert message.startswith("Promote the images of dev to staging\n\n")
    assert "quality: 0.1.0 000000000000 → 0.1.0 111111111111" in message
    assert "catalog" not in message
    assert git(root, "status", "--porcelain") == ""
    assert f"-        image: registry.example.org/freelancer-data-stack/quality@{OLD}" in shown
    assert f"+        image: registry.example.org/freelancer-data-stack/quality@{NEW}" in shown
    headings = [line for line in shown.splitlines() if line.startswith("+++ ")]
    assert headings == ["+++ Deployment/freelancer-data-stack-staging-quality then"]
    assert git(root, "rev-parse", "--short", "HEAD").strip() in shown


def test_comment_and_registry_of_the_target_stay(root):
    file = images_file(root, "staging")
    comment = file.read_text().splitlines()[0]
    file.write_text(f"{file.read_text()}image: {{registry: eu.example.org/mirror}}\n")
    git(root, "commit", "--quiet", "--all", "--message", "Mirror")
    shown = promote(root, "dev", "staging")
    assert f"eu.example.org/mirror/freelancer-data-stack/quality@{NEW}" in shown
    assert file.read_text().startswith(comment)
    assert yaml.safe_load(file.read_text())["image"] == {"registry": "eu.example.org/mirror"}


def test_what_the_image_build_prints_can_be_promoted(root):
    entries = {name: BUILT.format(name=name, digest=NEW) for name in images_of(root, "dev")}
    dagster = entries.pop("dagster")
    lines = "".join(f"  {name}:\n    {entry}\n" for name, entry in entries.items())
    images_file(root, "dev").write_text(
        f"image: {{registry: localhost:5000}}\ndagster:\n  {dagster}\ncodeLocations:\n{lines}"
    )
    git(root, "commit", "--quiet", "--all", "--message", "Build")
    shown = promote(root, "dev", "staging")
    assert {image.digest for image in images_of(root, "staging").values()} == {NEW}
    assert "localhost:5000" not in shown


def test_a_location_that_came_or_went_is_promoted_too(root):
    file = images_file(root, "dev")
    images = images_of(root, "dev")
    images["forecasts"] = images.pop("catalog").model_copy(update={"repository": "acme/forecasts"})
    file.write_text(with_images(file.read_text(), images))
    git(root, "commit", "--quiet", "--all", "--message", "Forecasts")
    shown = promote(root, "dev", "staging")
    assert "catalog: 0.1.0 000000000000 → removed" in shown
    assert "forecasts: absent → 0.1.0 000000000000" in shown
    assert f"+        image: registry.example.org/acme/forecasts@{OLD}" in shown
    assert list(images_of(root, "staging")) == list(images)


def test_nothing_to_promote_makes_no_commit(root):
    promote(root, "dev", "staging")
    head = git(root, "rev-parse", "HEAD")
    assert promote(root, "dev", "staging") == "nothing to promote: staging has the images of dev"
    assert git(root, "rev-parse", "HEAD") == head


def test_other_work_stays_out_of_the_commit(root):
    (root / "staged").write_text("staged")
    git(root, "add", "staged")
    values = root / "k8s" / "envs" / "staging" / "values.yaml"
    values.write_text(values.read_text() + "# edited\n")
    promote(root, "dev", "staging")
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
    assert "commit or restore it" in refused(root, "dev", "staging")


def test_image_without_digest_is_refused_by_name_and_file(root):
    set_images(root, "dev", catalog="")
    said = refused(root, "dev", "staging")
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
            "dagster:",
            "webserver: {replicas: 2}\ndagster:",
            "webserver: found an unknown field, expected one of dagster",
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
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    git(root, "commit", "--quiet", "--all", "--message", "Broken")
    said = refused(root, "dev", "staging")
    assert said.startswith("k8s/envs/dev/images.yaml:")
    assert says in said


def test_target_that_helm_cannot_render_is_left_as_it_was(root):
    values = root / "k8s" / "envs" / "staging" / "values.yaml"
    values.write_text(values.read_text().replace("tlsSecret", "tlsSecrets"))
    said = refused(root, "dev", "staging")
    assert said.startswith("helm template failed: ")
    assert "tlsSecrets" in said


def test_commit_that_a_hook_refuses_leaves_the_file_as_it_was(root):
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    assert refused(root, "dev", "staging") == "git commit failed: not today"


def test_without_helm_it_says_so_and_changes_nothing(root, monkeypatch):
    monkeypatch.setenv("HELM_BIN", "/nowhere/helm")
    assert "no /nowhere/helm on PATH" in refused(root, "dev", "staging")

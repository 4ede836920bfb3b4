"""A promotion's branch and pull request: a real remote, a forge, and two people at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from fakes.github import TOKEN, fake_github
from scripts.promotion.forge import Forge
from scripts.promotion.images import PromotionError
from scripts.promotion.promoting import promote, roll_back
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

BRANCH = "promote/dev-to-staging"


@pytest.fixture
def origin(tmp_path, monkeypatch):
    """A bare repository for people to clone."""
    be_nobody(monkeypatch)
    first = new_repository(tmp_path / "first")
    git(tmp_path, "clone", "--quiet", "--bare", str(first), "origin.git")
    return tmp_path / "origin.git"


@pytest.fixture
def ann(tmp_path, origin):
    return cloned(tmp_path, origin, "ann")


@pytest.fixture
def bob(tmp_path, origin):
    return cloned(tmp_path, origin, "bob")


@pytest.fixture
def github(origin):
    with fake_github() as server:
        server.pulls.origin = origin
        yield server


def cloned(folder, origin, name):
    git(folder, "clone", "--quiet", str(origin), name)
    return folder / name


def forge(github, token=TOKEN):
    return Forge(github.url, github.repo, SecretStr(token))


def promoted(root, github, **options):
    return promote(repository(root, "origin"), promotion(**options), forge(github))


def refused(root, github, origin, token=TOKEN):
    """Why it was refused, after checking that nothing is left here or at the remote."""
    before, there = everything(root), git(origin, "for-each-ref")
    with pytest.raises(PromotionError) as error:
        promote(repository(root, "origin"), promotion(), forge(github, token))
    assert everything(root) == before
    assert git(origin, "for-each-ref") == there
    assert token not in str(error.value)
    return str(error.value)


def answering(status, content, method="POST"):
    """A fault: the server gives this answer to requests with that method."""

    def fault(handler):
        if handler.command != method:
            return False
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        handler.answer(status, content)
        return True

    return fault


def done_but_not_said(handler):
    """The pull request is opened, but then the connection breaks."""
    if handler.command != "POST":
        return False
    content = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    handler.github.pulls.create(content)
    handler.close_connection = True
    return True


def test_the_pull_request_has_the_proof_and_the_branch_the_images(ann, github, origin):
    found = proven(images_of(ann, "dev"))
    shown = promoted(ann, github, prove=lambda _: found)
    (pull,) = github.pulls.made
    assert pull["html_url"] in shown
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (BRANCH, "main")
    assert pull["title"] == "Promote the images of dev to staging"
    assert "| `quality` | 0.1.0 000000000000 | 0.1.0 111111111111 |" in pull["body"]
    assert f"quality@{NEW}" in pull["body"]
    assert found.digest in pull["body"]
    assert found.text in pull["body"], "whoever judges it can read all of the proof"
    assert images_at(origin, BRANCH, "staging")["quality"] == NEW


def test_the_second_person_finds_the_first_ones_and_makes_nothing(ann, bob, github, origin):
    promoted(ann, github)
    there, before = git(origin, "for-each-ref"), everything(bob)
    assert "there already, with the same images" in promoted(bob, github)
    assert (git(origin, "for-each-ref"), everything(bob)) == (there, before)
    assert len(github.pulls.made) == 1


def test_the_second_person_with_other_images_is_refused(ann, bob, github, origin):
    promoted(ann, github)
    set_images(bob, "dev", quality=NEWER)
    git(bob, "push", "--quiet", "origin", "main")
    assert f"branch {BRANCH} has other images" in refused(bob, github, origin)


def test_of_two_at_the_same_time_one_branch_and_one_pull_request_come(ann, bob, github, origin):
    def one(root):
        try:
            return promoted(root, github)
        except PromotionError as error:
            return str(error)

    with ThreadPoolExecutor() as both:
        list(both.map(one, (ann, bob)))
    assert len([pull for pull in github.pulls.listed({}) if pull["state"] == "open"]) == 1
    assert images_at(origin, BRANCH, "staging")["quality"] == NEW
    assert "there already" in promoted(bob, github)


def test_images_that_changed_at_the_remote_meanwhile_are_a_conflict(ann, bob, github, origin):
    set_images(bob, "staging", catalog=NEWER)
    git(bob, "push", "--quiet", "origin", "main")
    said = refused(ann, github, origin)
    assert said.startswith("k8s/envs/staging/images.yaml differs between here and origin/main")


def test_other_commits_at_the_remote_are_built_upon(ann, bob, github, origin):
    (bob / "README.md").write_text("of bob\n")
    git(bob, "add", ".")
    git(bob, "commit", "--quiet", "--message", "Of bob")
    git(bob, "push", "--quiet", "origin", "main")
    promoted(ann, github)
    assert git(origin, "rev-parse", f"{BRANCH}^") == git(bob, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((422, {"message": "Invalid", "errors": [{"message": "no reason"}]}), "no reason"),
        ((403, {"message": "Resource not accessible"}), "it needs write access to pull requests"),
        ((500, {"message": "Oops"}), "try again later"),
        ((201, []), "answered 201"),
    ],
)
def test_a_forge_that_fails_after_the_push_leaves_nothing(ann, github, origin, answer, says):
    github.fault = answering(*answer)
    assert says in refused(ann, github, origin)
    github.fault = lambda _: False
    promoted(ann, github)
    assert len(github.pulls.made) == 1


def test_a_token_that_is_wrong_is_found_out_before_anything_is_made(ann, github, origin):
    assert "set a valid FORGE_TOKEN" in refused(ann, github, origin, token="ghp_of-somebody-else")
    assert [asked.headers.get("Content-Length") for asked in github.asked] == [None]


def test_a_branch_that_the_forge_does_not_know_yet_is_offered_again(ann, github):
    refused = []

    def fault(handler):
        if handler.command == "POST" and len(refused) < 2:
            refused.append(handler.path)
            handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
            handler.answer(404, {"message": "Not Found", "status": "404"})
            return True
        return False

    github.fault = fault
    assert "pull/1" in promoted(ann, github)
    assert len(refused) == 2


def test_a_pull_request_whose_answer_was_lost_is_found(ann, github):
    github.fault = done_but_not_said
    assert "pull/1" in promoted(ann, github)
    assert len(github.pulls.made) == 1


def test_a_forge_that_goes_away_for_good_leaves_the_branch_to_the_next_try(ann, github, origin):
    asked = []

    def fault(handler):
        asked.append(handler.command)
        if len(asked) == 1:
            return False
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        handler.close_connection = True
        return True

    github.fault = fault
    with pytest.raises(PromotionError, match=f"branch {BRANCH} is pushed and stays"):
        promoted(ann, github)
    github.fault = lambda _: False
    pushed = git(origin, "rev-parse", BRANCH)
    assert "pull/1" in promoted(ann, github)
    assert git(origin, "rev-parse", BRANCH) == pushed


def test_a_remote_that_refuses_the_push_leaves_nothing(ann, github, origin):
    hook = origin / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho frozen until Monday >&2\nexit 1\n")
    hook.chmod(0o755)
    assert "frozen until Monday" in refused(ann, github, origin)
    assert not github.pulls.made


def test_after_a_squashed_merge_the_branch_is_used_again(ann, github, origin):
    promoted(ann, github)
    git(ann, "merge", "--quiet", "--squash", BRANCH)
    git(ann, "commit", "--quiet", "--message", "Squashed")
    set_images(ann, "dev", quality=NEWER)
    git(ann, "push", "--quiet", "origin", "main")
    github.pulls.made.clear()
    promoted(ann, github)
    assert images_at(origin, BRANCH, "staging")["quality"] == NEWER


def test_a_rollback_is_a_pull_request_too(ann, github, origin):
    set_images(ann, "staging", quality=NEW)
    git(ann, "push", "--quiet", "origin", "main")
    roll_back(repository(ann, "origin"), "staging", "", forge(github))
    assert images_at(origin, "rollback/staging", "staging")["quality"] == OLD
    assert github.pulls.made[0]["title"].startswith("Take staging back to the images of ")


def test_the_rendered_difference_is_cut_where_a_forge_takes_no_more(ann, github):
    template = ann / "charts" / "freelancer-data-stack" / "templates" / "all.yaml"
    template.write_text(
        TEMPLATE_OF_MANY.format(lines="\n".join(f"  l{n}: {{{{ $d }}}}" for n in range(900)))
    )
    git(ann, "commit", "--quiet", "--all", "--message", "Many lines")
    git(ann, "push", "--quiet", "origin", "main")
    promoted(ann, github)
    assert len(github.pulls.made[0]["body"]) <= 65_536


TEMPLATE_OF_MANY = """\
{{{{- $d := .Values.codeLocations.quality.image.digest }}}}
apiVersion: v1
kind: ConfigMap
metadata: {{name: many}}
data:
{lines}
"""


def test_a_login_in_the_remotes_address_is_not_told(ann, github):
    git(ann, "remote", "set-url", "origin", "http://ann:hunter2@127.0.0.1:1/books.git")
    with pytest.raises(PromotionError) as error:
        promoted(ann, github)
    assert "hunter2" not in str(error.value)
    assert "127.0.0.1:1/books.git" in str(error.value)

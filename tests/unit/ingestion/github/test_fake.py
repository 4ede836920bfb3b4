"""The fake GitHub answers according to GitHub's published OpenAPI description.

The models are githubkit's, generated from that description.
"""

import json
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from githubkit_schemas.v2022_11_28.models import BasicError, Release
from pydantic import TypeAdapter, ValidationError

from fakes.github import REPO, TOKEN, FakeGitHub, fake_github, limited

RELEASES = f"/repos/{REPO}/releases"
LIST = TypeAdapter(list[Release])
HEADERS = {"User-Agent": "tests", "Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def github():
    with fake_github() as running:
        yield running


def ask(github: FakeGitHub, path: str = RELEASES, **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection(urlsplit(github.url).netloc, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers={**HEADERS, **named})
    response = connection.getresponse()
    said = response.read().decode()
    connection.close()
    return response, said


def test_releases_of_all_kinds_are_as_described(github):
    published, prerelease, draft = (
        github.publish(), github.publish("v2 ü/rc", prerelease=True), github.publish(draft=True)
    )  # fmt: skip
    response, said = ask(github)
    assert response.status == 200
    found = {release.id: release for release in LIST.validate_json(said)}
    assert found[published].published_at
    assert found[prerelease].prerelease
    assert found[draft].published_at is None
    github.publish_draft(draft)
    later = {release.id: release for release in LIST.validate_json(ask(github)[1])}
    assert later[draft].published_at
    assert later[draft].tarball_url


@pytest.mark.parametrize("field", ["tag_name", "author", "assets_url", "target_commitish"])
def test_a_release_without_a_field_that_is_promised_would_be_seen(github, field):
    github.publish()
    [release] = json.loads(ask(github)[1])
    del release[field]
    with pytest.raises(ValidationError, match=field):
        LIST.validate_python([release])


def test_pages_are_linked_as_described(github):
    for _ in range(3):
        github.publish()
    response, said = ask(github, f"{RELEASES}?per_page=2")
    assert len(LIST.validate_json(said)) == 2
    assert 'page=2>; rel="next"' in (response.headers["Link"] or "")
    response, said = ask(github, f"{RELEASES}?per_page=2&page=2")
    assert len(LIST.validate_json(said)) == 1
    assert response.headers["Link"] is None


def refused(github: FakeGitHub, case: str) -> tuple[HTTPResponse, str]:
    github.publish()
    if case == "not found":
        return ask(github, "/repos/octo/other/releases")
    if case == "bad credentials":
        return ask(github, Authorization="Bearer wrong")
    if case == "no agent":
        return ask(github, User_Agent="")
    if case == "renamed":
        github.renamed_from = "octo/ledger"
        return ask(github, "/repos/octo/ledger/releases")
    github.limit = 0
    return ask(github)


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("not found", 404),
        ("bad credentials", 401),
        ("no agent", 403),
        ("rate limit", 403),
        ("renamed", 301),
    ],
)
def test_an_error_is_as_described(github, case, status):
    response, said = refused(github, case)
    assert response.status == status
    error = BasicError.model_validate_json(said)
    assert isinstance(error.message, str)
    if case == "rate limit":
        assert {*limited(0)} <= {*response.headers}


def test_what_is_unchanged_has_no_body(github):
    github.publish()
    etag = ask(github)[0].headers["ETag"]
    response, said = ask(github, If_None_Match=etag)
    assert (response.status, said) == (304, "")

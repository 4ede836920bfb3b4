"""The release sensor's parts, without a GitHub."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.github import sensor as sensor_module
from ingestion.github.client import GitHub, GitHubError
from ingestion.github.cursor import Cursor, Page
from ingestion.settings import GitHubSettings
from stack.errors import one_line
from stack.locations import Location, location_definitions
from stack.pipelines import RELEASE, Stage
from stack.settings import SettingsError, load_settings

CURSORS = st.builds(
    Cursor,
    source=st.just("https://api.github.com#octo/books"),
    kinds=st.sampled_from([(), ("draft",), ("draft", "prerelease")]),
    done=st.none() | st.frozensets(st.integers(0, 2**40)),
    last=st.none() | st.text(),
    pages=st.lists(st.builds(Page, st.text(), st.none() | st.text())).map(tuple),
    wait_until=st.none() | st.integers(0, 2**32).map(lambda s: datetime.fromtimestamp(s, UTC)),
)


@given(CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor):
    assert Cursor.load(cursor.dump(), Cursor(source=cursor.source, kinds=("prerelease",))) == cursor


@given(st.text(), st.integers(1, 50))
def test_one_line_fits_and_can_be_stored_anywhere(text, longest):
    line = one_line(text, longest)
    assert len(line) <= longest
    assert "\0" not in line
    assert line.splitlines() in ([line], [])
    line.encode()


@pytest.mark.parametrize("repo", ["octo/books", "o-c_to1/.github", "o/b.o-o_ks"])
def test_repositories_are_accepted(stack_home, monkeypatch, repo):
    monkeypatch.setenv("GITHUB_REPO", repo)
    assert load_settings(GitHubSettings).github_repo == repo


@pytest.mark.parametrize(
    "repo",
    ["books", "octo/..", "../books", "octo/books/x", "octo/bo oks", "https://github.com/o/b"],
)
def test_other_repositories_are_refused_by_name(stack_home, monkeypatch, repo):
    monkeypatch.setenv("GITHUB_REPO", repo)
    with pytest.raises(SettingsError, match="GITHUB_REPO: got"):
        load_settings(GitHubSettings)


@pytest.mark.parametrize("url", ["ftp://host", "https://user:pw@host", "https://host/?q", "host"])
def test_an_api_url_that_is_none_is_refused(stack_home, monkeypatch, url):
    monkeypatch.setenv("GITHUB_API_URL", url)
    with pytest.raises(SettingsError, match="GITHUB_API_URL: got"):
        load_settings(GitHubSettings)


def test_a_line_break_at_the_end_of_the_token_is_not_part_of_it(stack_home, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret\n")
    token = load_settings(GitHubSettings).github_token
    assert token is not None
    assert token.get_secret_value() == "ghp_secret"


def test_a_token_that_no_header_takes_is_refused_without_showing_it(stack_home, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret\nX-Header: 1")
    with pytest.raises(SettingsError, match="GITHUB_TOKEN: got a value") as caught:
        load_settings(GitHubSettings)
    assert "ghp_secret" not in repr(caught.value)


def test_the_token_is_in_no_repr_and_no_exception(stack_home, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    settings = load_settings(GitHubSettings)
    assert settings.github_token is not None
    github = GitHub("http://127.0.0.1:1", settings.github_token)
    with pytest.raises(GitHubError) as caught:
        github.get("http://127.0.0.1:1/repos/ghp_secret")
    shown = [repr(settings), repr(github), repr(vars(github)), repr(caught.value)]
    chain = caught.value.__context__
    while chain is not None:
        shown.append(repr(chain))
        chain = chain.__context__
    assert "ghp_secret" not in "".join(shown)


def test_it_starts_the_pipelines_slice_of_the_ingestion_location(stack_home):
    location = Location(
        Stage.INGESTION, settings=[], assets=[], sensors=[sensor_module.github_release_sensor]
    )
    defs = location_definitions(location)
    assert sensor_module.github_release_sensor.job_name == RELEASE.name
    assert defs.resolve_job_def(RELEASE.name).tags["stage"] == "ingestion"
    assert RELEASE.stages == tuple(Stage)

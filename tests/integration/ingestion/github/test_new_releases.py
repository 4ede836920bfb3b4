"""Which releases start the pipeline, against a GitHub on loopback."""

import json

import pytest

from fakes.github import REPO


def tags(requests):
    return [request.tags["release/tag"] for request in requests]


def test_the_first_look_takes_what_is_there_as_known(github, tick):
    github.publish("v1")
    github.publish("v2")
    requests, cursor, reason = tick()
    assert requests == []
    assert "newest release (v2) taken as known" in reason
    assert tick(cursor)[0] == []


def test_a_first_look_at_a_repository_without_releases_misses_no_later_one(github, tick):
    _, cursor, _ = tick()
    github.publish("v1")
    assert tags(tick(cursor)[0]) == ["v1"]


def test_a_new_release_runs_the_pipeline_with_its_tag_url_and_repository(github, tick):
    _, cursor, _ = tick()
    release = github.publish("v1.0")
    requests, cursor, reason = tick(cursor)
    assert reason is None
    [request] = requests
    assert request.run_key == str(release)
    assert {k: v for k, v in request.tags.items() if k.startswith("release/")} == {
        "release/tag": "v1.0",
        "release/url": "https://github.com/octo/books/releases/tag/v1.0",
        "release/repo": REPO,
    }
    assert tick(cursor)[0] == []


def test_several_releases_between_two_ticks_all_run_oldest_first(github, tick):
    _, cursor, _ = tick()
    published = [github.publish() for _ in range(3)]
    assert [int(r.run_key) for r in tick(cursor)[0]] == published


def test_releases_of_one_second_run_in_the_order_of_their_ids(github, tick):
    _, cursor, _ = tick()
    published = [github.publish(wait_s=0, commit_day=day) for day in (5, 1, 3)]
    assert [int(r.run_key) for r in tick(cursor)[0]] == published


def test_an_unchanged_list_is_asked_for_conditionally_and_costs_nothing(github, tick):
    github.publish("v1")
    _, cursor, _ = tick()
    counted = github.counted
    requests, cursor, reason = tick(cursor)
    assert requests == []
    assert "no new release; newest: v1" in reason
    assert github.asked[-1].headers["If-None-Match"].startswith('W/"')
    assert github.counted == counted
    github.publish("v2")
    assert tags(tick(cursor)[0]) == ["v2"]


def test_a_release_edited_deleted_or_unpublished_and_back_does_not_run_again(github, tick):
    _, cursor, _ = tick()
    kept, deleted = github.publish("v1"), github.publish("v2")
    _, cursor, _ = tick(cursor)
    github.releases[kept] |= {"body": "now with notes", "tag_name": "v1-renamed"}
    gone = github.releases.pop(deleted)
    requests, cursor, _ = tick(cursor)
    assert requests == []
    github.releases[deleted] = gone
    github.publish_draft(kept)
    assert tick(cursor)[0] == []


def test_drafts_and_pre_releases_are_left_out(github, tick):
    _, cursor, _ = tick()
    github.publish("draft", draft=True)
    github.publish("beta", prerelease=True)
    github.publish("v1")
    assert tags(tick(cursor)[0]) == ["v1"]


@pytest.mark.parametrize(
    ("variable", "expected"),
    [("GITHUB_PRERELEASES", ["beta", "v1"]), ("GITHUB_DRAFTS", ["draft", "v1"])],
)
def test_a_setting_lets_them_in(github, tick, monkeypatch, variable, expected):
    monkeypatch.setenv(variable, "true")
    _, cursor, _ = tick()
    github.publish("draft", draft=True, commit_day=0)
    github.publish("beta", prerelease=True)
    github.publish("v1")
    assert tags(tick(cursor)[0]) == expected


def test_a_published_draft_and_a_promoted_pre_release_run_then(github, tick):
    _, cursor, _ = tick()
    draft = github.publish("v1", draft=True, commit_day=-90)
    beta = github.publish("v2", prerelease=True)
    github.publish("v3")
    _, cursor, _ = tick(cursor)
    github.publish_draft(draft)
    github.releases[beta]["prerelease"] = False  # its date stays: older than v3's
    assert tags(tick(cursor)[0]) == ["v2", "v1"]


def test_letting_pre_releases_in_does_not_run_those_of_the_past(github, tick, monkeypatch):
    _, cursor, _ = tick()
    github.publish("old beta", prerelease=True)
    _, cursor, _ = tick(cursor)
    monkeypatch.setenv("GITHUB_PRERELEASES", "true")
    github.publish("v1")
    requests, cursor, _ = tick(cursor)
    assert tags(requests) == ["v1"]
    github.publish("new beta", prerelease=True)
    assert tags(tick(cursor)[0]) == ["new beta"]


@pytest.fixture
def pages_of_three(monkeypatch):
    monkeypatch.setattr("ingestion.github.releases.PAGE_SIZE", 3)


@pytest.mark.usefixtures("pages_of_three")
@pytest.mark.parametrize("already", range(8))
def test_a_release_of_an_old_commit_is_found_on_any_page(github, tick, already):
    for _ in range(already):
        github.publish(commit_day=10)
    _, cursor, _ = tick()
    github.publish("backport", commit_day=1)  # listed last
    requests, cursor, _ = tick(cursor)
    assert tags(requests) == ["backport"]
    github.publish("next", commit_day=20)  # listed first
    assert tags(tick(cursor)[0]) == ["next"]


@pytest.mark.usefixtures("pages_of_three")
def test_only_the_pages_that_changed_count_against_the_limit(github, tick):
    for _ in range(7):
        github.publish(commit_day=10)
    _, cursor, _ = tick()
    counted, asked = github.counted, len(github.asked)
    tick(cursor)
    assert github.counted == counted
    assert len(github.asked) - asked == 3


def test_a_hundred_new_releases_all_run(github, tick):
    _, cursor, _ = tick()
    published = [github.publish() for _ in range(120)]
    assert [int(r.run_key) for r in tick(cursor)[0]] == published


def test_another_repository_in_the_settings_starts_anew(github, tick, monkeypatch):
    _, cursor, _ = tick()
    github.repo = "octo/other"
    github.publish("v1")
    monkeypatch.setenv("GITHUB_REPO", "octo/other")
    requests, cursor, reason = tick(cursor)
    assert requests == []
    assert "taken as known" in reason
    github.publish("v2")
    assert tags(tick(cursor)[0]) == ["v2"]


def test_a_renamed_repository_is_followed(github, tick):
    github.repo, github.renamed_from = "octo/accounts", REPO
    _, cursor, _ = tick()
    github.publish("v1")
    assert tags(tick(cursor)[0]) == ["v1"]


@pytest.mark.parametrize("cursor", ["", "not json", "[]", "{}", '{"source": 1}', "[" * 100_000])
def test_a_cursor_that_cannot_be_read_starts_anew(github, tick, cursor):
    github.publish("v1")
    requests, new, reason = tick(cursor)
    assert requests == []
    assert "taken as known" in reason
    assert json.loads(new)["last"] == "v1"


def test_odd_tags_become_tags_that_every_database_takes(github, tick):
    _, cursor, _ = tick()
    release = github.publish("v1\n\0\ud800" + "x" * 5000)
    requests, _, _ = tick(cursor)
    tag, url = requests[0].tags["release/tag"], requests[0].tags["release/url"]
    assert tag.startswith("v1 ??xxx")
    assert len(tag) <= 200
    assert url == "https://github.com/octo/books/releases"
    assert requests[0].run_key == str(release)

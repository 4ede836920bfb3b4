"""Whatever GitHub answers, a tick skips with a reason, keeps its cursor, and hides the token."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fakes.github import REPO, TOKEN, limited


def sends(status, content=b"", headers=None):
    def fault(handler):
        handler.answer(status, content, headers)
        return True

    return fault


def says_nothing(handler):
    handler.github.closing.wait()
    return True


def drips(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.github.closing.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            break
    return True


def breaks_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"[")
    handler.close_connection = True
    return True


def hangs_up(handler):
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
    return True


def talks_nonsense(handler):
    handler.wfile.write(b"I am a teapot\r\n\r\n")
    handler.close_connection = True
    return True


def on_second_page(fault):
    return lambda handler: "page=2" in handler.path and fault(handler)


ONE = {
    "id": 1,
    "tag_name": "v1",
    "html_url": "https://github.com/octo/books/releases/tag/v1",
    "published_at": "2026-01-01T00:00:00Z",
    "created_at": "2026-01-01T00:00:00Z",
    "draft": False,
    "prerelease": False,
}
FORBIDDEN = {"message": f"Resource not accessible by personal access token {TOKEN}"}
FAULTS = {
    "401": (sends(401, {"message": "Bad credentials"}), "set a valid GITHUB_TOKEN"),
    "403": (sends(403, FORBIDDEN), "read access to contents"),
    "403 without JSON": (sends(403, b"<html>"), "read access to contents"),
    "404": (sends(404, {"message": "Not Found"}), "check GITHUB_REPO"),
    "451": (sends(451, {"message": "Unavailable"}), "451 Unavailable"),
    "500": (sends(500), "out of order (500)"),
    "502 page": (sends(502, b"<html>bad gateway"), "out of order (502)"),
    "503": (sends(503, {"message": "Unicorn!"}), "out of order (503)"),
    "204": (sends(204), "expected 200 or 304"),
    "redirect": (sends(302, b"", {"Location": "http://localhost:1/x"}), "redirects elsewhere"),
    "redirect to a file": (sends(302, b"", {"Location": "file:///etc/passwd"}), "redirects"),
    "redirect to nowhere": (sends(301), "redirects elsewhere"),
    "link elsewhere": (
        sends(200, [ONE], {"Link": '<http://localhost:1/page/2>; rel="next"'}),
        "another host",
    ),
    "bad link": (sends(200, [ONE], {"Link": '<http://[x>; rel="next"'}), "another host"),
    "no answer": (says_nothing, "no answer within 0.3 s"),
    "drips": (drips, "no answer within 0."),
    "breaks off": (breaks_off, "no HTTP answer"),
    "hangs up": (hangs_up, "no HTTP answer"),
    "no HTTP": (talks_nonsense, "no HTTP answer"),
    "no JSON": (sends(200, b"<html>login"), "no JSON"),
    "no UTF-8": (sends(200, b"\xff\xfe\xff"), "no JSON"),
    "deep JSON": (sends(200, b"[" * 200_000), "no JSON"),
    "an object": (sends(200, {"message": "hello"}), "expected a list"),
    "a list of numbers": (sends(200, [1]), "release 1 of GitHub's list"),
    "no id": (sends(200, [{k: v for k, v in ONE.items() if k != "id"}]), "release 1"),
    "no date": (sends(200, [ONE, ONE | {"published_at": "soon"}]), "release 2"),
    "no zone": (sends(200, [ONE | {"published_at": "2026-01-01T00:00:00"}]), "release 1"),
    "no tag": (sends(200, [ONE | {"tag_name": None}]), "release 1"),
    "on the second page": (on_second_page(sends(500)), "out of order"),
}


@contextmanager
def broken(github, fault) -> Iterator[None]:
    """It has this fault meanwhile, and is waited for no longer than a moment."""
    healthy, github.fault = github.fault, fault
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingestion.github.client.REQUEST_TIMEOUT_S", 0.3)
        patch.setattr("ingestion.github.client.DEADLINE_S", 0.6)
        yield
    github.fault = healthy


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("ingestion.github.releases.PAGE_SIZE", 1)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_skips_with_a_reason_and_the_release_runs_after_it(github, tick, caplog, name):
    caplog.set_level(logging.DEBUG)
    fault, expected = FAULTS[name]
    github.publish("v1")
    _, before, _ = tick()
    published = [github.publish(), github.publish()]
    with broken(github, fault):
        requests, cursor, reason = tick(before)
    assert requests == []
    assert reason.startswith(f"{REPO}: ")
    assert expected in reason
    assert "\n" not in reason
    assert cursor == before
    assert TOKEN not in reason + caplog.text
    assert [int(r.run_key) for r in tick(cursor)[0]] == published


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_the_first_look_makes_nothing_known(github, tick, name):
    github.publish()
    github.publish()
    with broken(github, FAULTS[name][0]):
        _, cursor, reason = tick()
    assert reason
    assert cursor is None
    assert "taken as known" in tick(cursor)[2]


def test_a_304_to_an_unconditional_question_makes_nothing_known(github, tick):
    github.publish()
    github.fault = sends(304)
    _, cursor, reason = tick()
    assert "304" in reason
    assert cursor is None


def test_a_refused_connection_skips_with_a_reason(github, tick, monkeypatch):
    _, before, _ = tick()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        _, cursor, reason = tick()
        assert "connection refused" in reason
        assert cursor is None
    assert before is not None


def test_a_certificate_that_is_none_skips_with_a_reason(github, tick, monkeypatch):
    monkeypatch.setenv("GITHUB_API_URL", github.url.replace("http:", "https:"))
    assert "TLS certificate" in tick()[2]


LIMITS = {
    "primary": sends(403, {"message": "API rate limit exceeded for user ID 1."}, limited(0)),
    "429": sends(429, {"message": "Too many requests"}, limited(0)),
    "secondary": sends(
        403, {"message": "You have exceeded a secondary rate limit."}, {"Retry-After": "90"}
    ),
    "without a time": sends(403, {"message": "You have exceeded a secondary rate limit."}),
    "absurd time": sends(429, b"", {"X-RateLimit-Reset": "9" * 14}),
    "garbled time": sends(429, b"", {"X-RateLimit-Reset": "soon", "Retry-After": "-5"}),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_rate_limit_is_told_with_its_end_and_waited_for(github, tick, name):
    github.publish("v1")
    _, before, _ = tick()
    release = github.publish("v2")
    healthy, github.fault = github.fault, LIMITS[name]
    requests, cursor, reason = tick(before)
    assert requests == []
    assert "rate limit" in reason
    assert "resets at 20" in reason
    github.fault = healthy
    asked = len(github.asked)
    requests, kept, reason = tick(cursor)
    assert requests == []
    assert "not asked before" in reason
    assert len(github.asked) == asked
    assert kept == cursor
    assert place(cursor) == place(before)
    assert [int(r.run_key) for r in tick(hour_later(cursor))[0]] == [release]


def place(cursor):
    return {k: v for k, v in json.loads(cursor).items() if k != "wait_until"}


def hour_later(cursor):
    content = json.loads(cursor)
    if content["wait_until"]:
        content["wait_until"] -= 3601
    return json.dumps(content)


def test_the_reset_time_is_the_one_that_github_gives(github, tick):
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}
    github.fault = sends(403, {"message": "API rate limit exceeded"}, headers)
    past = json.loads(tick()[1])["wait_until"]
    github.fault = sends(403, {"message": "API rate limit exceeded"}, limited(0, 1800))
    reset = int(limited(0, 1800)["X-RateLimit-Reset"])
    given = json.loads(tick()[1])["wait_until"]
    assert abs(given - reset) < 30
    assert past < given


def test_without_a_repository_the_tick_says_what_to_set(github, tick, monkeypatch):
    monkeypatch.delenv("GITHUB_REPO")
    assert "set GITHUB_REPO" in tick()[2]
    assert github.asked == []


def test_without_a_token_the_tick_says_what_to_set(github, tick, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    assert "set GITHUB_TOKEN" in tick("the cursor")[2]
    assert github.asked == []


def test_a_wrong_token_is_named_but_not_shown(github, tick, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_wrong")
    reason = tick()[2]
    assert "401 Bad credentials" in reason
    assert "ghp_wrong" not in reason


def test_settings_that_turn_wrong_while_running_skip_with_a_reason(github, tick, monkeypatch):
    monkeypatch.setenv("GITHUB_REPO", "https://github.com/octo/books")
    assert "GITHUB_REPO: got" in tick()[2]
    monkeypatch.setenv("GITHUB_REPO", REPO)
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_two\nghp_lines")
    reason = tick()[2]
    assert "GITHUB_TOKEN: got a value" in reason
    assert "ghp_" not in reason


def test_the_token_goes_to_no_other_host(github, tick):
    """`localhost` is another host than `127.0.0.1`, though the same server listens."""
    elsewhere = github.url.replace("127.0.0.1", "localhost") + "/repos/octo/books/releases"
    github.fault = lambda handler: (
        handler.headers["Host"].startswith("127.")
        and sends(301, b"", {"Location": elsewhere})(handler)
    )
    tick()
    assert [asked.headers["Host"].split(":")[0] for asked in github.asked] == ["127.0.0.1"]

"""Releases, failures, crashes and repeated ticks in any order: each release runs exactly once."""

import json

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from fakes.github import FakeGitHub, limited
from ingestion.github.sensor import release_sensor
from support.examples import examples

COMMIT_DAYS = st.one_of(st.none(), st.integers(-30, 30))
CHANGES = st.one_of(
    st.tuples(st.just("publish"), COMMIT_DAYS, st.integers(0, 1)),
    st.tuples(st.just("publish"), COMMIT_DAYS, st.integers(0, 1)),
    st.tuples(st.just("draft"), COMMIT_DAYS),
    st.tuples(st.just("pre-release"), COMMIT_DAYS),
    st.tuples(st.sampled_from(["promote", "edit", "delete"]), st.integers(0, 100)),
)
TICKS = st.one_of(
    st.tuples(st.just("tick")),
    st.tuples(st.just("tick")),
    st.tuples(st.just("crash")),  # the runs were launched, the cursor was lost
    st.tuples(
        st.just("fault"),
        st.sampled_from(["500", "garbage", "rate limit", "hangs up"]),
        st.integers(1, 3),
    ),
)


def change(github: FakeGitHub, kind: str, *arguments) -> None:
    """Something that people do on GitHub."""
    if kind == "publish":
        github.publish(commit_day=arguments[0], wait_s=arguments[1])
    elif kind in {"draft", "pre-release"}:
        github.publish(
            commit_day=arguments[0], draft=kind == "draft", prerelease=kind == "pre-release"
        )
    elif github.releases:
        ids = list(github.releases)
        release = ids[arguments[0] % len(ids)]
        if kind == "delete":
            del github.releases[release]
        elif kind == "edit":
            github.releases[release] |= {"body": f"edited {github.second}"}
        elif github.releases[release]["draft"]:
            github.publish_draft(release)
        else:
            github.releases[release]["prerelease"] = False


def failing(kind: str, nth: int):
    """A fault of the `nth` request from now on, and of those after it."""
    asked = 0

    def fault(handler) -> bool:
        nonlocal asked
        asked += 1
        if asked < nth:
            return False
        if kind == "500":
            handler.answer(500, {"message": "Server Error"})
        elif kind == "garbage":
            handler.answer(200, b"[{")
        elif kind == "rate limit":
            handler.answer(403, {"message": "API rate limit exceeded"}, limited(0))
        else:
            handler.close_connection = True
        return True

    return fault


def later(cursor: str | None) -> str | None:
    """The cursor once GitHub's rate limit has passed."""
    if cursor is None:
        return None
    return json.dumps(json.loads(cursor) | {"wait_until": None})


def full_releases(github: FakeGitHub) -> dict[int, tuple[str, int]]:
    return {
        i: (r["published_at"], i)
        for i, r in github.releases.items()
        if not r["draft"] and not r["prerelease"]
    }


@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(CHANGES, max_size=5), st.lists(st.one_of(CHANGES, TICKS), min_size=10, max_size=30))
def test_each_release_runs_exactly_once_and_in_order(github, tick, monkeypatch, before, steps):
    monkeypatch.setattr("ingestion.github.releases.PAGE_SIZE", 2)
    github.releases.clear()
    github.asked.clear()
    github.counted = 0  # the server is the same for all examples
    healthy = FakeGitHub.fault
    cursor: str | None = None
    known: set[int] | None = None  # at the first look that was kept
    expected: set[int] = set()
    launched: dict[str, None] = {}  # the daemon drops a run key that it has seen
    requested: list[str] = []
    crashed = False
    for step in before:
        change(github, *step)
    for kind, *arguments in [*steps, ("tick",), ("tick",)]:
        if kind not in {"tick", "crash", "fault"}:
            change(github, kind, *arguments)
            continue
        if kind == "fault":
            github.fault = failing(*arguments)
        requests, new_cursor, reason = tick(later(cursor))
        github.fault = healthy
        failed = kind == "fault" and "newest" not in (reason or "newest")
        published = full_releases(github)
        order = [published[int(request.run_key)] for request in requests]
        assert order == sorted(order)
        assert bool(requests) != bool(reason)
        if failed:
            assert requests == []
        elif known is not None:
            expected |= set(published) - known
        requested += [request.run_key for request in requests]
        launched |= {request.run_key: None for request in requests}
        crashed = crashed or kind == "crash"
        if kind == "crash":
            continue
        cursor = new_cursor
        if not failed and known is None:
            known = set(published)
    assert {int(key) for key in launched} == expected
    assert tick(later(cursor))[0] == []
    if not crashed:
        assert len(requested) == len(launched)
    event(f"releases that ran: {min(len(expected), 5)}{'+' if len(expected) > 4 else ''}")


def test_plain_releases_run_in_the_order_of_publication_over_many_ticks(github):
    """What the property says of one tick holds of all ticks, however commits are dated."""
    import dagster as dg

    sensor = release_sensor(running=False)
    cursor, runs, published = None, [], []
    for number in range(20):
        result = sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor))
        cursor = result.cursor
        runs += [int(request.run_key) for request in result.run_requests or []]
        if number < 19:
            published += [github.publish(commit_day=d) for d in range(number % 4, 0, -1)]
    assert runs == published

"""A fake GitHub, and a sensor that watches it."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from fakes.github import REPO, TOKEN, FakeGitHub, fake_github
from ingestion.github.sensor import release_sensor

Tick = Callable[..., tuple[list[dg.RunRequest], str | None, str | None]]


@pytest.fixture
def github(stack_home, monkeypatch) -> Iterator[FakeGitHub]:
    with fake_github() as server:
        monkeypatch.setenv("GITHUB_REPO", REPO)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


@pytest.fixture
def tick(github) -> Tick:
    """One evaluation: run requests, the cursor that the daemon would keep, the skip reason."""
    sensor = release_sensor(running=False)

    def evaluate(cursor: str | None = None) -> tuple[list[Any], str | None, str | None]:
        result = sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor))
        return list(result.run_requests or []), result.cursor, result.skip_message

    return evaluate

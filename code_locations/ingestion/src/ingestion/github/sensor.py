"""The sensor that starts the release pipeline."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from ingestion.github.client import GitHub, GitHubError
from ingestion.github.cursor import Cursor
from ingestion.github.releases import Release, look
from ingestion.settings import GitHubSettings
from stack.errors import one_line
from stack.pipelines import RELEASE
from stack.sensors import in_production, pipeline_sensor
from stack.settings import load_settings

INTERVAL_S = 120
# Tags are indexed, and Postgres limits index rows to 2,704 bytes.
LONGEST_URL = 500


def release_sensor(running: bool, interval_s: int = INTERVAL_S) -> dg.SensorDefinition:
    """The sensor; `running`: it is on by default."""
    return pipeline_sensor(
        RELEASE,
        evaluate,
        running=running,
        name="github_release_sensor",
        minimum_interval_seconds=interval_s,
        description="Starts the release pipeline once for each new release of GITHUB_REPO.",
    )


def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Run requests for the releases since the cursor, or the reason why there are none."""
    settings = load_settings(GitHubSettings)
    repo, token = settings.github_repo, settings.github_token
    if repo is None:
        return dg.SkipReason("no repository to watch: set GITHUB_REPO to owner/name")
    if token is None:
        return dg.SkipReason(f"no token to read the releases of {repo} with: set GITHUB_TOKEN")
    kinds, source = settings.kinds, f"{settings.github_api_url}#{repo.lower()}"
    cursor = Cursor.load(context.cursor, Cursor(source=source, kinds=kinds))
    if cursor.wait_until and cursor.wait_until > datetime.now(UTC):
        return dg.SkipReason(
            f"{repo}: not asked before {cursor.wait_until:%Y-%m-%d %H:%M:%S} UTC, "
            "when GitHub's rate limit resets"
        )
    try:
        found = look(GitHub(settings.github_api_url, token), repo, cursor, kinds)
    except GitHubError as error:
        waiting = cursor.model_copy(update={"wait_until": error.retry_at})
        kept = waiting.dump() if error.retry_at else context.cursor
        return dg.SensorResult(skip_reason=f"{repo}: {error}", cursor=kept)
    return dg.SensorResult(
        run_requests=[request(repo, release) for release in found.releases],
        skip_reason=None if found.releases else _nothing(repo, cursor, found.cursor),
        cursor=found.cursor.dump(),
    )


def request(repo: str, release: Release) -> dg.RunRequest:
    """The run for a release; its tags are copied to the later stages."""
    whole = release.url if len(release.url) <= LONGEST_URL else release.url.split("/tag/")[0]
    return dg.RunRequest(
        run_key=str(release.id),
        tags={
            "release/tag": release.tag,
            "release/url": one_line(whole, LONGEST_URL),
            "release/repo": repo,
        },
    )


def _nothing(repo: str, before: Cursor, after: Cursor) -> str:
    newest = after.last or "none yet"
    if before.done is None:
        return f"{repo}: first look; newest release ({newest}) taken as known"
    return f"{repo}: no new release; newest: {newest}"


github_release_sensor = release_sensor(in_production())

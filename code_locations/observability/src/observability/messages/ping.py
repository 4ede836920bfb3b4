"""The dead man's switch: an outside service that is called after each good night, or misses us.

As with healthchecks.io, the URL means success, the URL with `/fail` failure; the body is a line of
text.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from observability.facts.model import Facts, Outcome, PipelineFact
from observability.messages.outbox import wait_after
from observability.messages.state import PingState
from stack.http import Client, NoAnswerError
from stack.pipelines import DAILY

LONGEST_WAIT = timedelta(minutes=30)


def night_to_tell(facts: Facts, known: PingState, *, failures: bool) -> PipelineFact | None:
    """The newest night that ended since the last one reported; a failed one only on request."""
    wanted = {Outcome.SUCCEEDED, Outcome.FAILED} if failures else {Outcome.SUCCEEDED}
    nights = [
        p
        for p in facts.pipelines
        if p.pipeline == DAILY.name and p.outcome in wanted and p.ended is not None
    ]
    newest = max(nights, key=lambda p: p.ended or p.begun, default=None)
    if newest is None or newest.ended is None or newest.ended <= known.told_until:
        return None
    return newest


def ping(url: SecretStr, night: PipelineFact) -> str:
    """Call the service. Returns an empty string, or why it wasn't reached, in one line."""
    succeeded = night.outcome is Outcome.SUCCEEDED
    parts = urlsplit(url.get_secret_value())
    if not succeeded:
        parts = parts._replace(path=f"{parts.path.rstrip('/')}/fail")
    body = f"{night.pipeline} {night.outcome}, run {night.pipeline_id}"
    try:
        answer = Client(within_s=15).send("POST", urlunsplit(parts), data=body)
    except NoAnswerError as error:
        return str(error)
    return "" if answer.status < 300 else f"it answered {answer.status} {answer.reason}"


def pinged(known: PingState, night: PipelineFact, why_not: str, now: datetime) -> PingState:
    """The state after an attempt."""
    if not why_not:
        return PingState(told_until=night.ended or night.begun)
    failures = known.failures + 1
    retry_at = now + wait_after(failures, LONGEST_WAIT)
    return known.model_copy(update={"failures": failures, "retry_at": retry_at})

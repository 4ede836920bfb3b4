"""`tell`: look, note what opened and closed, and send what is queued."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from observability.facts.looking import look
from observability.facts.model import Facts
from observability.incidents.found import findings, kinds_looked_at
from observability.incidents.ledger import compare
from observability.incidents.model import Finding, Kind, News, Severity
from observability.messages import outbox, ping
from observability.messages.digest import day_of, digest_message, kept_days
from observability.messages.routing import Route, routes
from observability.messages.samples import sample_of
from observability.messages.sending import Clock, deliver
from observability.messages.state import Message, State
from observability.messages.store import Store
from observability.messages.text import Words, message_of
from observability.settings import NotifySettings
from stack.pipelines import RELEASE
from stack.settings import load_settings

# What is reported after a manual run, without a daemon or anything on schedule.
OF_A_RUN = frozenset({Kind.PIPELINE, Kind.CHECK, Kind.UNACCOUNTED, Kind.SET_ASIDE, Kind.CATALOG})
_log = logging.getLogger("observability.messages")


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def tell(
    instance: dg.DagsterInstance,
    *,
    look: Callable[[dg.DagsterInstance], Facts] = look,
    clock: Clock = utc_now,
) -> None:
    """Report news, send the digest when it is due, and tell the outside service of a good night.

    Does nothing if no variable names anyone to tell. Raises SettingsError, MessagesError.
    """
    _tell(instance, frozenset(Kind), look, clock)


def tell_of_run(
    instance: dg.DagsterInstance, *, look: Callable[[dg.DagsterInstance], Facts] = look
) -> None:
    """Like `tell`, after a manual run: what it opened and closed, without a digest."""
    _tell(instance, OF_A_RUN, look, utc_now)


def words_of(settings: NotifySettings) -> Words:
    """How these settings want messages worded."""
    return Words(settings.zone, (settings.ui_url or "").rstrip("/"))


def _tell(
    instance: dg.DagsterInstance,
    kinds: Collection[Kind],
    look: Callable[[dg.DagsterInstance], Facts],
    clock: Clock,
) -> None:
    settings = load_settings(NotifySettings)
    channels = routes(settings)
    if not channels and settings.notify_ping_url is None:
        return
    store = Store(instance)
    facts = look(instance)
    sample = (lambda f: sample_of(instance, f)) if settings.notify_samples else (lambda _: "")
    step = _Step(facts, channels, words_of(settings), settings, sample, kinds)
    state = store.update(step, clock())
    deliver(store, channels, clock)
    _ping(store, state, facts, settings, clock)


@dataclass(frozen=True)
class _Step:
    """One change of the state: update incidents from the facts, and queue messages about them."""

    facts: Facts
    routes: Sequence[Route]
    words: Words
    settings: NotifySettings
    sample: Callable[[Finding], str]
    kinds: Collection[Kind]

    def __call__(self, state: State) -> State:
        looked_at, before = state.looked_at, state.model_dump_json()
        self._alter(state)
        after = state.model_copy(update={"looked_at": looked_at})
        if after.model_dump_json() == before:
            state.looked_at = looked_at  # no news, no write
        return state

    def _alter(self, state: State) -> None:
        for message, but in self._news(state):
            wanted = [r.name for r in self.routes if r.wants(message) and r.name != but]
            outbox.put(state, message, wanted)
        outbox.cover(state, [route.name for route in self.routes])

    def _news(self, state: State) -> Iterator[tuple[Message, str]]:
        """Each message, and the channel that must not get it, if any."""
        facts = self.facts
        if facts.at <= state.looked_at:  # another process has newer facts
            return
        state.looked_at = facts.at
        if "automation" not in facts.unknown:
            running = [item.name for item in facts.automation if item.running]
            state.running_since = {n: state.running_since.get(n, facts.at) for n in running}
        found = [*findings(facts, state.running_since), *failing_channels(state)]
        looked_at = (kinds_looked_at(facts) & set(self.kinds)) | {Kind.CHANNEL}
        state.incidents, news = compare(state.incidents, found, facts.at, looked_at)
        for one in news:
            yield self._message(one), _channel_of(one)
        for message in self._releases(state):
            yield message, ""
        if self._digest_is_due(state):
            state.digest_day = facts.at.astimezone(self.words.zone).date()
            state.days = kept_days(state.days, day_of(facts, self.words))
            digest = digest_message(facts, state.incidents.values(), state.days, self.words)
            yield digest, ""

    def _message(self, news: News) -> Message:
        sample = "" if news.change == "closed" else self.sample(news.incident.finding)
        return message_of(news, self.words, sample)

    def _releases(self, state: State) -> Iterator[Message]:
        begun = [
            p
            for p in self.facts.pipelines
            if p.pipeline == RELEASE.name and p.begun > state.releases_until
        ]
        for one in sorted(begun, key=lambda p: p.begun):
            state.releases_until = one.begun
            tags = {name: value for run in one.runs for name, value in run.tags.items()}
            release = tags.get("release/tag", "")
            yield Message(
                id=f"release-{one.pipeline_id}",
                at=self.facts.at,
                severity=Severity.INFO,
                title=f"Release {release} began a run" if release else "A release began a run",
                text="\n".join(
                    [
                        f"{one.pipeline} begun {self.words.moment(one.begun)}.",
                        *filter(None, [tags.get("release/url"), self.words.run(one.pipeline_id)]),
                    ]
                ),
            )

    def _digest_is_due(self, state: State) -> bool:
        due = self.settings.digest_time
        if due is None or set(self.kinds) != set(Kind):
            return False
        local = self.facts.at.astimezone(self.words.zone)
        return local.time() >= due and state.digest_day != local.date()


def failing_channels(state: State) -> Iterator[Finding]:
    """Each channel that takes no messages; the others are told about it."""
    for name, channel in sorted(state.channels.items()):
        if outbox.is_failing(channel) and channel.failing_since is not None:
            yield Finding(
                key=f"channel:{name}",
                kind=Kind.CHANNEL,
                severity=Severity.WARNING,
                subject=f"channel {name} takes no messages",
                cause=channel.error or "It did not say why.",
                next_step=f"`stack notify test --channel {name}` tries it; what waits is kept, and "
                "told by another one.",
                since=channel.failing_since,
            )


def _channel_of(news: News) -> str:
    finding = news.incident.finding
    return finding.key.partition(":")[2] if finding.kind is Kind.CHANNEL else ""


def _ping(store: Store, state: State, facts: Facts, settings: NotifySettings, clock: Clock) -> None:
    url = settings.notify_ping_url
    if url is None or (state.ping.retry_at is not None and state.ping.retry_at > clock()):
        return
    night = ping.night_to_tell(facts, state.ping, failures=settings.notify_ping_failures)
    if night is None:
        return
    why_not = ping.ping(url, night)
    if why_not:
        _log.warning("NOTIFY_PING_URL: %s; it is asked again", why_not)

    def noted(state: State) -> None:
        state.ping = ping.pinged(state.ping, night, why_not, clock())

    store.update(noted, clock())

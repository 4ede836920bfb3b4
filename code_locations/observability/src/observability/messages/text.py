"""Incidents in words, short enough for a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import quote

from observability.incidents.model import Change, Finding, Incident, News, Severity
from observability.messages.channels import Parcel
from observability.messages.state import Batch, Message
from stack.digests import digest
from stack.errors import one_line

FOLDED_SHOWN = 10
CAUSE_CHARACTERS = 400
LINE_CHARACTERS = 160
_WORDS = {Change.OPENED: "", Change.CHANGED: "Worse: ", Change.CLOSED: "Over: "}


@dataclass(frozen=True)
class Words:
    """How messages are worded: times in `zone`, links under `ui_url` if set."""

    zone: tzinfo
    ui_url: str = ""

    def moment(self, at: datetime) -> str:
        """A moment as people write it."""
        return f"{at.astimezone(self.zone):%a %d %b %H:%M %Z}"

    def run(self, run_id: str) -> str:
        """The URL of the run's page; empty if the UI's address isn't known."""
        return f"{self.ui_url}/runs/{run_id}" if self.ui_url and run_id else ""

    def asset(self, path: Sequence[str]) -> str:
        """The URL of the asset's page."""
        keys = "/".join(quote(part, safe="") for part in path)
        return f"{self.ui_url}/assets/{keys}" if self.ui_url and path else ""


def message_of(news: News, words: Words, sample: str = "") -> Message:
    """One message about an incident. `sample`: failing rows, if they may be shown."""
    incident = news.incident
    finding = incident.finding
    closed = news.change is Change.CLOSED
    lines = _closed(news, words) if closed else _open(news, words, sample)
    thread = digest(finding.key, incident.first_seen.isoformat())[:24]
    last = digest(thread, news.change, news.at.isoformat())[:24]
    return Message(
        # Mail programs sort the others below the first of a thread.
        id=thread if news.change is Change.OPENED else last,
        at=news.at,
        severity=finding.severity,
        title=one_line(_WORDS[news.change] + finding.subject, 120),
        text="\n".join(lines),
        thread="" if news.change is Change.OPENED else thread,
        owners=news.owners,
    )


def _open(news: News, words: Words, sample: str) -> list[str]:
    finding = news.incident.finding
    lines = [
        _sentence(finding.cause),
        "",
        f"Since: {words.moment(finding.since)}",
        *(f"{name}: {value}" for name, value in _parts(finding).items() if value),
    ]
    if news.folded:
        lines += ["", "With it:", *_list([f.subject for f in news.folded])]
    if sample:
        lines += ["", "Some of the rows:", sample]
    lines += ["", f"What to do: {finding.next_step}"]
    links = [words.run(finding.run_id), words.asset(finding.asset)]
    return [*lines, *filter(None, links)]


def _closed(news: News, words: Words) -> list[str]:
    since = news.incident.finding.since
    return [
        f"It lasted {duration((news.at - since).total_seconds())}, from {words.moment(since)} to "
        f"{words.moment(news.at)}.",
        "Nothing is to be done.",
    ]


def _parts(finding: Finding) -> Mapping[str, str]:
    return {
        "Pipeline": finding.pipeline,
        "Step": finding.step,
        "Table": ".".join(finding.asset),
        "Check": finding.check,
        "Rows": "" if finding.rows is None else f"{finding.rows:,}",
        "Owner": ", ".join(finding.owners),
    }


def parcel_of(batch: Batch, messages: Mapping[str, Message]) -> Parcel:
    """The look of a batch: a single message as it is, several as a list, worst first."""
    found = [messages[id_] for id_ in batch.messages]
    if len(found) == 1:
        one = found[0]
        title = f"[{one.severity.upper()}] {one.title}" if _is_bad(one) else one.title
        return Parcel(batch.id, title, one.text, one.html, one.thread, one.severity)
    worst = max(found, key=lambda m: m.severity.rank)
    ordered = sorted(found, key=lambda m: -m.severity.rank)
    lines = [f"- [{m.severity}] {m.title}: {m.text.splitlines()[0]}" for m in ordered]
    return Parcel(
        id=batch.id,
        title=f"[{worst.severity.upper()}] {len(found)} messages: {worst.title}",
        text="\n".join([*lines, "", "`stack incidents` tells more of what is open."]),
        severity=worst.severity,
    )


def _is_bad(message: Message) -> bool:
    return message.severity is not Severity.INFO and not message.title.startswith(
        _WORDS[Change.CLOSED]
    )


def _list(subjects: Sequence[str]) -> list[str]:
    more = len(subjects) - FOLDED_SHOWN
    shown = [f"- {subject}" for subject in subjects[:FOLDED_SHOWN]]
    return [*shown, f"- and {more} more"] if more > 0 else shown


def _sentence(text: str, longest: int = CAUSE_CHARACTERS) -> str:
    line = one_line(text, longest)
    return line if line.endswith((".", "…", "!", "?")) else f"{line}."


def duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 3 h 5 min, 2 d 4 h."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def incident_line(incident: Incident, now: datetime) -> str:
    """An open incident in one line, for lists."""
    finding = incident.finding
    lasted = duration((now - finding.since).total_seconds())
    return f"{finding.subject}, for {lasted}: {_sentence(finding.cause, LINE_CHARACTERS)}"

"""What messages and the digest say."""

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from observability.facts.model import Outcome
from observability.incidents.found import findings
from observability.incidents.ledger import compare
from observability.incidents.model import Kind
from observability.messages.digest import DAYS_SHOWN, day_of, digest_message, kept_days
from observability.messages.state import Batch
from observability.messages.text import Words, duration, message_of, parcel_of
from stack.peaks import CPU_TAG, MEMORY_PEAK_TAG, OF_TAG
from support.known_facts import DAY, HOUR, NIGHT, NOW, check, facts, stale, table, turn

WORDS = Words(ZoneInfo("Europe/Berlin"), "https://stack.example.com")
GOOD, FAILED = Outcome.SUCCEEDED, Outcome.FAILED


def news(seen, known=None):
    return compare(known or {}, findings(seen), seen.at, frozenset(Kind))


def bad_night():
    night = turn(FAILED)
    failed = check(passed=False, run_id=night.runs[0].run_id, owners=("anna",))
    return facts(pipelines=(night,), checks=(failed,), tables=(stale(),))


def test_a_message_says_what_why_since_when_and_what_to_do():
    _, (opened,) = news(bad_night())
    message = message_of(opened, WORDS)
    assert message.title == "daily_data_pipeline failed in dbt_run"
    assert message.text.splitlines() == [
        "no such column: amount.",
        "",
        "Since: Mon 02 Mar 03:10 CET",
        "Pipeline: daily_data_pipeline",
        "Step: dbt_run",
        "",
        "With it:",
        "- check amounts_are_positive of marts.cash_in failed",
        "- marts.cash_in is stale",
        "",
        "What to do: Correct the cause, then run it again: what is loaded stays loaded.",
        "https://stack.example.com/runs/daily_data_pipeline-020200-0",
    ]
    assert message.owners == ("anna",)


def test_without_an_address_of_the_ui_there_are_no_links():
    _, (opened,) = news(bad_night())
    assert "http" not in message_of(opened, Words(ZoneInfo("UTC"))).text


def test_its_end_says_how_long_it_lasted_in_the_same_thread():
    known, (opened,) = news(bad_night())
    first = message_of(opened, WORDS)
    _, (closed,) = news(facts(NOW + 21 * HOUR, pipelines=(turn(GOOD, NIGHT + DAY),)), known)
    last = message_of(closed, WORDS)
    assert last.title == "Over: daily_data_pipeline failed in dbt_run"
    assert last.text.startswith("It lasted 24 h 50 min, from Mon 02 Mar 03:10 CET")
    assert last.thread == first.id != last.id


def test_several_are_one_list_with_the_worst_first():
    checks = [check(passed=False, severity="warn"), replace(check(passed=False), name="other")]
    _, both = news(facts(checks=tuple(checks)))
    messages = {m.id: m for m in (message_of(one, WORDS) for one in both)}
    parcel = parcel_of(Batch(id="b", messages=list(messages), by="me", until=NOW), messages)
    assert parcel.title == "[ERROR] 2 messages: check other of marts.cash_in failed"
    assert [line[:9] for line in parcel.text.splitlines()[:2]] == ["- [error]", "- [warnin"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(40, "40 s"), (89, "89 s"), (720, "12 min"), (11100, "3 h 5 min"), (187200, "2 d 4 h")],
)
def test_durations_are_said_as_people_do(seconds, said):
    assert duration(seconds) == said


def digest(seen, known=(), days=()):
    return digest_message(seen, known, days, WORDS)


def test_a_digest_of_a_good_day_says_so_first():
    seen = facts(pipelines=(turn(GOOD),), checks=(check(passed=True),), tables=(table(),))
    told = digest(seen)
    assert told.title == "All is well, Mon 02 Mar"
    assert "What needs a person" not in told.text
    assert "daily_data_pipeline: succeeded, begun Mon 02 Mar 03:00 CET, 10 min" in told.text
    assert "Made anew: 1 of 1. Held as they were: 0. Rows set aside: 0." in told.text


def test_a_digest_begins_with_what_needs_a_person():
    seen = bad_night()
    known, _ = news(seen)
    told = digest(seen, known.values())
    assert told.title == "1 thing to see to, Mon 02 Mar"
    assert told.text.splitlines()[:2] == [
        "What needs a person",
        "- daily_data_pipeline failed in dbt_run, for 3 h 50 min: no such column: amount. Correct "
        "the cause, then run it again: what is loaded stays loaded.",
    ]


def test_what_could_not_be_looked_at_is_not_well():
    told = digest(facts(unknown={"checks": "the storage is away"}))
    assert told.title.startswith("Nothing is known to be wrong, but")
    assert "checks: the storage is away" in told.text


def test_a_digest_tells_what_a_pipeline_cost():
    night = turn(GOOD)
    own = {OF_TAG: night.runs[0].run_id, CPU_TAG: "95.5", MEMORY_PEAK_TAG: str(512 * 2**20)}
    noted = replace(night, runs=(replace(night.runs[0], tags=own),))
    assert "10 min (2 min of CPU, 512 MiB of memory)" in digest(facts(pipelines=(noted,))).text
    killed = replace(night, runs=(replace(night.runs[0], tags=own | {OF_TAG: "another"}),))
    assert "of CPU" not in digest(facts(pipelines=(killed,))).text


def test_a_night_is_slow_beside_its_own_median():
    slow = replace(turn(GOOD), ended=NIGHT + timedelta(minutes=30))
    former = tuple(turn(GOOD, NIGHT - n * DAY) for n in range(1, 4))
    assert "30 min, slow: it usually takes 10 min" in digest(facts(pipelines=(slow, *former))).text
    assert "slow" not in digest(facts(pipelines=(slow, *former[:2]))).text


class Texts(HTMLParser):
    """All texts of a page, and whether each tag is closed."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, _):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_its_page_has_bars_of_the_days_and_shows_what_names_hold_as_text():
    days = []
    for n in range(20):
        at = NOW - (20 - n) * DAY
        raw = table("books", "raw", rows=100 * n * n)
        seen = facts(at, pipelines=(turn(GOOD, at - 4 * HOUR),), tables=(raw,))
        days = kept_days(days, day_of(seen, WORDS))
    assert len(days) == DAYS_SHOWN
    odd = facts(tables=(stale("<b>books</b>", "raw"),))
    known, _ = news(odd)
    told = digest(odd, known.values(), days)
    page = Texts(told.html)
    assert page.open == []
    assert any("<b>books</b> is stale" in text for text in page.texts)
    assert told.html.count("width:260px") == 1 + DAYS_SHOWN  # the most rows; nights are alike
    assert "3,700" in page.texts
    assert "10 min" in page.texts

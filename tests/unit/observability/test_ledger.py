"""When incidents open, change and close."""

from observability.incidents.ledger import compare
from observability.incidents.model import Change, Finding, Kind, Severity
from support.known_facts import HOUR, NOW

ALL = frozenset(Kind)


def finding(key="a", **parts):
    told = {
        "kind": Kind.PIPELINE,
        "severity": Severity.WARNING,
        "subject": key,
        "cause": "",
        "next_step": "",
        "since": NOW,
    }
    return Finding(key=key, **{**told, **parts})


def passes(*looks):
    """News of each look; a look is findings, and perhaps the kinds that it looked at."""
    known, told = {}, []
    for number, look in enumerate(looks):
        found, kinds = look if isinstance(look, tuple) else (look, ALL)
        known, news = compare(known, found, NOW + number * HOUR, kinds)
        told.append([(one.change, one.incident.finding.key) for one in news])
    return told


def test_it_opens_once_and_closes_once():
    assert passes([finding()], [finding()], [], []) == [
        [(Change.OPENED, "a")],
        [],
        [(Change.CLOSED, "a")],
        [],
    ]


def test_it_changes_when_it_gets_worse_or_another_part_fails_and_not_back_and_forth():
    looks = [
        [finding(items=("x",))],
        [finding(items=("y",))],
        [finding(items=("x",))],
        [finding(items=("y",))],
        [finding(severity=Severity.ERROR, items=("y",))],
        [finding(severity=Severity.WARNING)],
    ]
    changed = [(Change.CHANGED, "a")]
    assert passes(*looks) == [[(Change.OPENED, "a")], changed, [], [], changed, []]


def test_what_follows_is_told_with_its_cause_and_by_itself_if_it_outlasts_it():
    cause, effect = finding("cause"), finding("effect", follows="cause")
    alone = finding("effect")
    assert passes([cause, effect], [cause, effect], [alone], []) == [
        [(Change.OPENED, "cause")],
        [],
        [(Change.CLOSED, "cause"), (Change.OPENED, "effect")],
        [(Change.CLOSED, "effect")],
    ]
    assert passes([cause, effect], []) == [
        [(Change.OPENED, "cause")],
        [(Change.CLOSED, "cause")],
    ]


def test_news_names_what_follows_and_whose_it_is():
    cause = finding("cause")
    effect = finding("effect", follows="cause", owners=("anna",))
    _, (news,) = compare({}, [cause, effect], NOW, ALL)
    assert [f.key for f in news.folded] == ["effect"]
    assert news.owners == ("anna",)


def test_what_must_settle_is_told_later_or_never():
    brief = finding(settle_s=1800)
    assert passes([brief], []) == [[], []]
    assert passes([brief], [brief]) == [[], [(Change.OPENED, "a")]]


def test_what_was_not_looked_at_stays_as_it_was():
    blind = ([], ALL - {Kind.PIPELINE})
    assert passes([finding()], blind, [finding()], []) == [
        [(Change.OPENED, "a")],
        [],
        [],
        [(Change.CLOSED, "a")],
    ]


def test_its_beginning_is_that_of_the_first_look():
    first = finding(since=NOW)
    known, _ = compare({}, [first], NOW, ALL)
    known, _ = compare(known, [finding(since=NOW + HOUR)], NOW + HOUR, ALL)
    _, (closed,) = compare(known, [], NOW + 2 * HOUR, ALL)
    assert closed.incident.finding.since == NOW

"""Stores that are away, full disks, unreadable files; and who is told when."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from observability.facts.alerts import AlertReader
from observability.facts.model import OutageFact, Outcome, ReachFact, StoreFact, UnreadFact
from observability.facts.quarantine import QuarantineReader
from observability.facts.unread import AGAIN_AT_ONCE, Unread
from observability.incidents.found import findings, kinds_looked_at
from observability.incidents.ledger import compare
from observability.incidents.model import Kind, Severity
from observability.messages.channels import ChannelError
from observability.messages.storage import StorageTeller
from stack.alerts import Alert
from stack.errors import StackError
from stack.quarantine import Entry
from support.homes import set_home
from support.known_facts import HOUR, NIGHT, NOW, facts, turn

GIB = 2**30
AWAY = ReachFact("object_store", up=False, at=NOW, sentence="refused", since=NOW - HOUR)
HERE = ReachFact("object_store", up=True, at=NOW, sentence="it answers")


def found(**parts):
    return {finding.key: finding for finding in findings(facts(**parts)) if finding.opens}


def changes(looks, step=timedelta(seconds=30)):
    """What is told of facts that follow each other."""
    known, told = {}, []
    for number, parts in enumerate(looks):
        now = facts(**parts, at=NOW + number * step)
        known, news = compare(known, findings(now), now.at, kinds_looked_at(now))
        told.append([one.change.value for one in news])
    return told


def test_a_store_that_is_away_is_told_with_what_it_answered():
    (away,) = found(reach=(AWAY, replace(HERE, name="warehouse"))).values()
    assert (away.key, away.severity) == ("store:object_store", Severity.ERROR)
    assert (away.subject, away.cause) == ("the object store is away", "refused")
    assert (away.since, away.settle_s) == (NOW - HOUR, 30)


def test_the_run_storage_is_not_told_by_what_is_kept_in_it():
    assert found(reach=(replace(AWAY, name="run_storage"),)) == {}


def test_what_a_store_is_needed_for_is_told_with_it_and_other_outages_are_not():
    down = [OutageFact(name, "down", NOW, "no answer") for name in ("warehouse", "github")]
    failed = turn(Outcome.FAILED, reason="could not receive data from server: gone")
    both = found(reach=(AWAY,), outages=tuple(down), pipelines=(failed,))
    assert {key: finding.follows for key, finding in both.items()} == {
        "store:object_store": "",
        "outage:warehouse": "store:object_store",
        "outage:github": "",
        "pipeline:daily_data_pipeline": "store:object_store",
    }


def test_a_health_check_of_before_a_store_came_back_is_no_outage_of_now():
    down = OutageFact("warehouse", "down", NOW - HOUR, "no answer")
    back = replace(HERE, back=NOW - HOUR / 2)
    assert found(reach=(back,), outages=(down,)) == {}
    assert list(found(reach=(HERE,), outages=(down,))) == ["outage:warehouse"]
    assert list(found(reach=(back,), outages=(replace(down, at=NOW),))) == ["outage:warehouse"]
    assert list(found(reach=(back,), outages=(replace(down, name="github"),))) == ["outage:github"]


def test_monitoring_that_failed_before_a_store_came_back_is_no_failure_of_now():
    looked = turn(Outcome.FAILED, NIGHT, "pipeline_monitoring")
    loaded = turn(Outcome.FAILED, NIGHT, reason="could not receive data from server: gone")
    back = replace(HERE, back=NOW)
    assert list(found(reach=(back,), pipelines=(looked, loaded))) == [
        "pipeline:daily_data_pipeline"  # it is to be run again
    ]
    assert len(found(reach=(replace(back, back=NIGHT),), pipelines=(looked, loaded))) == 2


def test_a_disk_is_told_before_it_is_full():
    stores = (StoreFact("warehouse", 5, GIB), StoreFact("disk", 5, 3 * GIB), StoreFact("lake", 5))
    (full,) = found(stores=stores).values()
    assert (full.key, full.cause) == ("disk", "1.0 GiB are free where warehouse lies.")
    assert found(stores=stores[1:]) == {}


def test_a_disk_whose_free_space_swings_is_told_once():
    free = [2.5, 1.9, 2.1, 1.9, 2.9, 1.8, 3.1, 2.5]
    looks = [{"stores": (StoreFact("disk", 5, int(gib * GIB)),)} for gib in free]
    assert changes(looks) == [[], ["opened"], [], [], [], [], ["closed"], []]


def test_a_store_that_flaps_is_told_once():
    def at(number):
        return NOW + number * timedelta(seconds=30)

    looks = [
        {"reach": (replace(HERE, back=at(n)) if n in (3, 5) else replace(AWAY, since=at(n)),)}
        for n in range(7)
    ] + [{"reach": (replace(HERE, back=at(7)),)}] * 4
    assert changes(looks) == [[], ["opened"], *[[]] * 7, ["closed"], []]


def test_files_that_cannot_be_read_are_told_and_what_they_may_say_is_not_judged():
    files = tuple(UnreadFact("load_reports", f"{n}.json", "found format 9") for n in "ab")
    (unread,) = found(unread=files).values()
    assert unread.subject == "2 load reports can't be read"
    assert (unread.cause, unread.items) == ("found format 9", ("a.json", "b.json"))
    assert unread.settle_s >= 900  # locations are promoted one by one
    assert Kind.UNACCOUNTED not in kinds_looked_at(facts(unread=files))
    assert Kind.UNACCOUNTED in kinds_looked_at(facts())


def test_a_file_that_cannot_be_read_is_logged_once_and_again_if_it_changes(caplog):
    caplog.set_level(logging.WARNING)
    unread = Unread("quarantine")
    for what in ("format 2", "format 2", "format 3"):
        unread.keep(["books/x.json"])
        unread.note("books/x.json", StackError("books/x.json", found=what))
    assert [record.message.count("format") for record in caplog.records] == [1, 1]
    assert [fact.file for fact in unread.facts] == ["x.json"]
    unread.keep([])
    assert unread.facts == ()


def test_a_file_that_was_half_written_or_is_mended_is_read(tmp_path):
    alerts, quarantine = tmp_path / "alerts", tmp_path / "quarantine" / "books"
    readers = [
        (AlertReader(str(alerts)), alerts),
        (QuarantineReader(f"{tmp_path}/quarantine"), quarantine),
    ]
    alert = Alert(type="dbt_test_failure", severity="error", description="2", source="dbt")
    note = Entry(id="x", loader="b", kind="file", path="a", reason="no", place="here", at=NOW)
    for (reader, folder), whole in zip(readers, (alert, note), strict=True):
        folder.mkdir(parents=True)
        file = folder / "a.json"
        file.write_text(whole.model_dump_json()[:-9])
        assert (reader.read(), len(reader.unread.facts)) == ((), 1)
        file.write_text(whole.model_dump_json())
        assert (len(reader.read()), reader.unread.facts) == (1, ())


def test_many_broken_files_are_tried_again_in_turn(tmp_path):
    reader = AlertReader(str(tmp_path))
    names = [f"{number:03}.json" for number in range(AGAIN_AT_ONCE + 2)]
    for name in names:
        (tmp_path / name).write_text("{")
    reader.read()
    (tmp_path / names[-1]).write_text("{}")
    seen = []
    for _ in range(2):
        reader.read()
        seen.append(next(f.reason for f in reader.unread.facts if f.file == names[-1]))
    assert "EOF" in seen[0]
    assert "Field required" in seen[1]


class Channels:
    """Two channels; those that are busy take nothing."""

    def __init__(self):
        self.now, self.told, self.busy = NOW, [], set()
        self.teller = StorageTeller(lambda: self.now, self.send)

    def send(self, route, parcel):
        if route.name in self.busy:
            raise ChannelError(route.name, found="busy")
        self.told.append((route.name, parcel.title))

    def look(self, *, up, later=timedelta(seconds=20)):
        self.now += later
        since = None if up else NIGHT
        storage = ReachFact("run_storage", up, self.now, "connection refused", since)
        self.teller.tell([HERE, storage])
        told, self.told = self.told, []
        return told


@pytest.fixture
def channels(tmp_path, monkeypatch):
    set_home(monkeypatch, tmp_path, NOTIFY_URLS="json://a error=jsons://b")
    return Channels()


OPENED, OVER = "[ERROR] Dagster's run storage is away", "Over: Dagster's run storage is away"


def test_the_run_storage_is_told_once_by_each_channel_and_once_when_it_is_back(channels):
    assert channels.look(up=True) == []
    assert channels.look(up=False) == [("json", OPENED), ("jsons", OPENED)]
    assert channels.look(up=False) == []
    assert [channels.look(up=True) for _ in range(3)] == [[], [], []]
    assert channels.look(up=True) == [("json", OVER), ("jsons", OVER)]
    assert channels.look(up=True) == []
    assert channels.look(up=False) == [("json", OPENED), ("jsons", OPENED)]


def test_a_channel_that_is_busy_has_it_later_and_one_that_never_knew_is_told_no_end(channels):
    channels.busy = {"json", "jsons"}
    assert channels.look(up=False) == []
    channels.busy = {"jsons"}
    assert channels.look(up=False, later=timedelta(seconds=10)) == []  # it is given time
    assert channels.look(up=False) == [("json", OPENED)]
    channels.busy = set()
    assert channels.look(up=True, later=HOUR) == []
    assert channels.look(up=True, later=HOUR) == [("json", OVER)]


def test_a_channel_that_was_busy_for_hours_has_it_ten_minutes_later_at_most(channels):
    channels.busy = {"json", "jsons"}
    assert [channels.look(up=False, later=HOUR) for _ in range(12)] == [[]] * 12
    channels.busy = set()
    assert len(channels.look(up=False, later=timedelta(minutes=10))) == 2


def test_a_run_storage_that_flaps_is_told_once(channels):
    assert channels.look(up=False) != []
    for _ in range(20):
        assert channels.look(up=True, later=timedelta(seconds=15)) == []
        assert channels.look(up=False, later=timedelta(seconds=60)) == []

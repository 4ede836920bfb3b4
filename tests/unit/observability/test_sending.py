"""Nothing is lost or told twice, whoever dies when, and whichever channel fails."""

from collections import Counter
from datetime import timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from observability.incidents.model import Severity
from observability.messages import outbox
from observability.messages.channels import ChannelError
from observability.messages.routing import Route
from observability.messages.sending import deliver
from observability.messages.state import Message
from observability.messages.store import KEY, MessagesError, Store
from support.known_facts import NOW

ROUTES = tuple(Route(name, SecretStr(f"json://{name}")) for name in ("mail", "chat"))


class Died(BaseException):
    """A process ends here, whatever it was doing."""


class World:
    """Channels that remember what they took, a clock, and what befalls each try to send."""

    def __init__(self, store):
        self.store, self.now = store, NOW
        self.taken: list[tuple[str, str, str]] = []
        self.twice_is_excused: set[tuple[str, str]] = set()
        self.fates: list[str] = []
        self.told = 0

    def clock(self):
        return self.now

    def put(self, channels=("mail", "chat"), severity=Severity.WARNING):
        self.told += 1
        message = Message(id=f"m{self.told}", at=self.now, severity=severity, title="t", text="x")
        self.store.update(lambda state: outbox.put(state, message, channels), self.now)

    def work(self):
        """A process tells, until it is through or dies."""
        names = [route.name for route in ROUTES]
        try:
            self.store.update(lambda state: outbox.cover(state, names), self.now)
            deliver(self.store, ROUTES, self.clock, self.send)
        except Died:
            pass

    def send(self, route, parcel):
        fate = self.fates.pop(0) if self.fates else "taken"
        if fate == "refused":
            raise ChannelError(route.name, found="busy")
        if fate == "died before":
            raise Died
        if fate == "another works":
            self.work()
        batch = self.store.read().channels[route.name].batch
        assert batch.id == parcel.id
        for message in batch.messages:
            self.taken.append((route.name, message, parcel.id))
            if fate in {"died after", "answer lost"}:
                self.twice_is_excused.add((route.name, message))
        if fate == "died after":
            raise Died
        if fate == "answer lost":
            raise ChannelError(route.name, found="no answer")

    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def world(instance):
    return fresh_world(instance)


def fresh_world(instance):
    from dagster._core.storage.runs.schema import KeyValueStoreTable

    with instance.run_storage.connect() as connection:
        connection.execute(KeyValueStoreTable.delete())
    return World(Store(instance))


FATES = ["taken", "refused", "answer lost", "died before", "died after", "another works"]
STEPS = st.one_of(
    st.just(("put", ("mail", "chat"))),
    st.just(("put", ("chat",))),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 6, 20, 70])),
    st.tuples(
        st.just("work"),
        st.lists(
            st.sampled_from(FATES),
            max_size=6,
        ),
    ),
)


@given(st.lists(STEPS, max_size=30))
def test_each_channel_has_each_message_and_twice_only_what_nobody_saw_taken(instance, steps):
    world = fresh_world(instance)
    wanted: set[tuple[str, str]] = set()
    for step, value in steps:
        if step == "put":
            world.put(value)
            wanted |= {(name, f"m{world.told}") for name in value}
        elif step == "wait":
            world.wait(value)
        else:
            world.fates = list(value)
            world.work()
    world.fates = []
    for _ in range(10):  # then all goes well
        world.wait(70)
        world.work()

    got = Counter((channel, message) for channel, message, _ in world.taken)
    assert wanted <= set(got)
    assert {known for known, times in got.items() if times > 1} <= world.twice_is_excused
    ids = {(channel, message): set() for channel, message in got}
    for channel, message, id_ in world.taken:
        ids[channel, message].add(id_)
    assert all(len(found) == 1 for found in ids.values()), "a second one can be known by its id"
    assert world.store.read().messages == {}


def test_what_perhaps_was_taken_is_sent_again_as_it_was_though_more_has_come(world):
    for _ in range(5):
        world.put(("mail",))
    world.fates = ["answer lost"]
    world.work()
    world.put(("mail",))
    world.wait(1)
    world.work()
    (first, second) = dict.fromkeys(id_ for _, _, id_ in world.taken)
    assert [id_ for _, _, id_ in world.taken] == [first] * 10 + [second]


def test_a_burst_is_one_message_that_lists_them(world):
    for _ in range(30):
        world.put(("mail",))
    world.work()
    assert len({id_ for _, _, id_ in world.taken}) == 1
    assert len(world.taken) == 30


def test_a_trickle_is_limited_and_the_rest_comes_as_one(world):
    for _ in range(25):
        world.put(("mail",))
        world.work()
        world.wait(0.1)
    assert len(world.taken) == outbox.AT_MOST
    world.wait(20)
    world.work()
    assert len(world.taken) == 25
    assert len({id_ for _, _, id_ in world.taken}) == outbox.AT_MOST + 1


def test_an_error_waits_for_a_minute_only_and_takes_along_what_waits(world):
    for _ in range(12):
        world.put(("mail",))
        world.work()
    assert len(world.taken) == outbox.AT_MOST
    for _ in range(5):
        world.put(("mail",), Severity.ERROR)
        world.work()
        world.wait(0.5)
    assert len(world.taken) == 17
    assert len({id_ for _, _, id_ in world.taken}) == outbox.AT_MOST + 2


def test_a_channel_that_fails_is_tried_with_growing_pauses_and_another_tells(world):
    world.put(("mail",))
    tries = []
    for minute in range(40):
        world.fates = ["refused"] if not tries or world.store.read().channels["mail"].queue else []
        before = world.store.read().channels["mail"].failed_total
        world.work()
        if world.store.read().channels["mail"].failed_total > before:
            tries.append(minute)
        if len(tries) == 3:
            break
        world.wait(1)
    assert tries == [0, 1, 2]
    world.work()
    assert [(channel, message) for channel, message, _ in world.taken] == [("chat", "m1")]
    world.wait(70)
    world.work()  # and where it belonged, once that channel is back
    assert [channel for channel, _, _ in world.taken] == ["chat", "mail"]
    assert world.store.read().channels["mail"].failing_since is None


def test_a_process_that_was_halted_for_long_does_not_send(world):
    world.put(("mail",))
    clock = iter([NOW, NOW, NOW + timedelta(hours=8)])
    deliver(world.store, ROUTES[:1], lambda: next(clock), world.send)
    assert world.taken == []


def test_what_waits_for_a_channel_that_is_configured_no_more_goes_to_another(world):
    world.put(("mail", "chat"))
    for _ in range(3):
        world.fates = ["refused", "refused"]
        world.work()
        world.wait(10)
    world.put(("pager",))  # and no other works
    world.work()
    assert {(channel, message) for channel, message, _ in world.taken} == {
        ("mail", "m1"),
        ("chat", "m1"),
        ("mail", "m2"),
    }


def test_of_two_changes_at_once_both_are_kept(world):
    other = Store.__new__(Store)
    other.__dict__.update(world.store.__dict__)
    met = []

    def change(state):
        if not met:
            met.append(1)
            other.update(lambda s: s.running_since.update(theirs=NOW), NOW)
        state.running_since["ours"] = NOW

    world.store.update(change, NOW)
    assert set(world.store.read().running_since) == {"ours", "theirs"}


def test_a_state_of_a_later_version_is_told_in_one_line(instance, world):
    instance.run_storage.set_cursor_values({KEY: '{"version": 2}'})
    with pytest.raises(MessagesError, match="newest version"):
        world.store.read()

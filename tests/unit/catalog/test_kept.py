"""What a run keeps for the next is read back unchanged, or not at all."""

import json

import pytest

from catalog.kept import Kept, keep, read_kept
from stack.artifacts import ArtifactStore


class Small(Kept):
    words: dict[str, str]


KEPT = Small(words={"b": "2", "a": "1"})
NAME = "catalog/DEV/small.json"


@pytest.fixture
def store(tmp_path):
    store = ArtifactStore(str(tmp_path))
    keep(store, "a-run", NAME, KEPT)
    return store


def test_it_comes_back_in_the_order_in_which_it_was(store):
    back = read_kept(store, NAME, Small)
    assert back == KEPT
    assert list(back.words) == ["b", "a"]


def test_the_same_is_not_written_again(store):
    keep(store, "next-run", NAME, KEPT)
    assert store.get(NAME, "next-run") is None
    keep(store, "next-run", NAME, Small(words={}))
    assert store.get(NAME, "next-run") is not None


def test_nothing_was_kept_yet(tmp_path):
    assert read_kept(ArtifactStore(str(tmp_path)), NAME, Small) is None


def _sealed(content):
    from stack.digests import digest

    return json.dumps({"digest": digest(content), "content": content}).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole.replace(b'"1"', b'"7"'),
        lambda _: b"",
        lambda _: b"\xff\xfe",
        lambda _: b"[]",
        lambda _: b"null",
        lambda _: b'{"content": {}}',
        lambda _: b"[" * 100_000,
        lambda _: _sealed({"words": {}, "of": "another version"}),
        lambda _: _sealed({"words": 5}),
    ],
)
def test_anything_else_is_dropped_with_a_line(store, caplog, change):
    store.put("broken", NAME, change(store.get(NAME)))
    assert read_kept(store, NAME, Small) is None
    assert f"latest/{NAME} is not used and will be made anew" in caplog.text

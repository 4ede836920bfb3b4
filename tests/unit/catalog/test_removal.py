"""Which entities are marked as removed, run after run."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.proposals import Entities, artifact, earlier
from catalog.urns import Naming

URNS = st.frozensets(st.sampled_from("abcdef"))


@given(st.lists(st.tuples(URNS, st.booleans())))
def test_nothing_described_is_removed_and_nothing_once_described_is_forgotten(runs):
    entities, ever = Entities(), frozenset()
    for present, complete in runs:
        entities = earlier(entities.then(present, complete=complete).as_json())
        ever |= present
        assert not present & entities.removed
        assert entities.present | entities.removed == ever
        if complete:
            assert entities.removed == ever - present


def test_a_run_that_lacks_an_artifact_removes_nothing_but_remembers():
    entities = Entities(frozenset("ab")).then({"a"}, complete=False)
    assert entities.removed == frozenset()
    assert entities.then({"a"}, complete=True).removed == {"b"}


def test_each_fabric_and_instance_is_remembered_apart():
    names = {artifact(n) for n in (Naming("w"), Naming("w", "PROD"), Naming("w", "PROD", "a"))}
    assert names == {
        "catalog/DEV/entities.json",
        "catalog/PROD/entities.json",
        "catalog/PROD/a/entities.json",
    }

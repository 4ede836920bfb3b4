"""Proposals are ordered, unique and valid before anything is written."""

import random

import pytest
from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal
from datahub.metadata import schema_classes as s

from catalog.proposals import collect, entities_by_type, stamp
from catalog.records import (
    InvalidProposalError,
    proof,
    prove,
    read_back,
    record_of,
    valid_digests,
)
from catalog.urns import Naming
from stack.digests import digest

NAMING = Naming("warehouse")
TABLE = NAMING.table("marts", "cash_in")


def status(urn: str, removed: bool = False) -> Proposal:
    return Proposal(entityUrn=urn, aspect=s.StatusClass(removed=removed))


def test_the_order_does_not_depend_on_the_order_given():
    proposals = [
        status(TABLE),
        Proposal(entityUrn=TABLE, aspect=s.SubTypesClass(typeNames=["Table"])),
        status(NAMING.table("marts", "a")),
        status("urn:li:corpGroup:books"),
        status(NAMING.database_key().as_urn()),
        status(NAMING.flow("daily_data_pipeline")),
    ]
    expected = collect(proposals)
    shuffled = random.Random(7)
    for _ in range(5):
        shuffled.shuffle(proposals)
        assert collect(proposals) == expected
    assert [p.entityType for p in expected][:2] == ["corpGroup", "container"]
    assert entities_by_type(expected) == {
        "container": 1,
        "corpGroup": 1,
        "dataFlow": 1,
        "dataset": 2,
    }


def test_of_two_for_one_aspect_the_first_counts():
    [kept] = collect([status(TABLE, removed=True), status(TABLE, removed=False)])
    assert kept.aspect.removed


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        (Proposal(entityUrn=TABLE, aspect=s.StatusClass(removed="no")), "schema doesn't allow"),
        (
            Proposal(entityUrn=TABLE, aspect=s.DataFlowInfoClass(name="x")),
            "a dataset has no such aspect",
        ),
        (
            Proposal(entityUrn="urn:li:dataset:(nonsense)", aspect=s.StatusClass(removed=False)),
            "urn:li:dataset:\\(nonsense\\): aspect status is not valid",
        ),
    ],
)
def test_a_proposal_that_datahub_would_refuse_is_named(proposal, reason):
    with pytest.raises(InvalidProposalError, match=reason) as error:
        prove([status(NAMING.table("marts", "good")), proposal])
    assert "nothing was written" in str(error.value)
    assert str(proposal.aspectName) in str(error.value)


def test_what_is_known_to_be_valid_is_not_looked_at_again():
    [good] = prove([status(TABLE)])
    wrong = Proposal(entityUrn=TABLE, aspect=s.DataFlowInfoClass(name="x"))
    with pytest.raises(InvalidProposalError):
        prove([wrong], {good.digest})
    said = {k: v for k, v in record_of(wrong).items() if k != "systemMetadata"}
    assert prove([wrong], {digest(said)})


def test_the_digest_is_of_what_is_said_not_of_the_run_that_says_it():
    one, other = status(TABLE), status(TABLE)
    stamp([one], "one", 1)
    stamp([other], "other", 2)
    [a], [b] = prove([one]), prove([other])
    assert a.digest == b.digest
    assert a.record != b.record
    [c] = prove([status(TABLE, removed=True)])
    assert c.digest != a.digest
    assert read_back(a.record) == one


def test_proofs_are_of_a_version(monkeypatch):
    aspects = prove([status(TABLE)])
    proved = proof(aspects)
    assert valid_digests(proved) == {aspects[0].digest}
    assert valid_digests(None) == frozenset()
    monkeypatch.setattr("catalog.records.versions", lambda: {"acryl-datahub": "0.0.1"})
    assert valid_digests(proved) == frozenset()

"""DataHub Lite, DataHub's own small store, accepts the metadata file and finds its content."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.records import read_back
from catalog.urns import Naming
from integration.catalog.conftest import ASKED, Run

# Lite calls methods that its own library has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
NAMING = Naming("warehouse")
TABLE = NAMING.table("marts", "client_revenue")


@pytest.fixture(scope="module")
def lite(catalogued: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A store in a DuckDB file that has all of a run's file."""
    from datahub.lite.lite_util import get_datahub_lite

    file: Path = tmp_path_factory.mktemp("lite") / "lite.duckdb"
    lite = get_datahub_lite({"type": "duckdb", "config": {"file": str(file)}})
    for record in copy.deepcopy(catalogued.catalog.records):
        lite.write(read_back(record))
    yield lite
    lite.close()


def found(lite, where: str) -> dict[str, list[dict]]:
    """Aspects that a search finds, by URN."""
    from datahub.lite.lite_local import SearchFlavor

    aspects: dict[str, list[dict]] = {}
    for each in lite.search(where, SearchFlavor.EXACT):
        aspects.setdefault(each.id, []).append(json.loads(each.snippet))
    return aspects


def test_every_aspect_of_the_file_is_in_it(lite, catalogued):
    stored = {(p.entityUrn, p.aspectName) for p in lite.get_all_aspects()}
    assert {(r["entityUrn"], r["aspectName"]) for r in catalogued.catalog.records} == stored


def test_a_table_tells_who_read_it_what_is_in_it_and_what_changed_it(lite):
    table = lite.get(TABLE, ["datasetUsageStatistics", "datasetProfile", "operation"])
    usage = table["datasetUsageStatistics"]
    assert {u["user"]: u["count"] for u in usage["userCounts"]} == {
        "urn:li:corpuser:ann": 1,
        "urn:li:corpuser:dagster": 3,
    }
    assert usage["fieldCounts"] == [{"fieldPath": "revenue", "count": 1}]
    assert table["datasetProfile"]["rowCount"] == 2
    assert {f["fieldPath"]: (f.get("min"), f.get("max")) for f in
            table["datasetProfile"]["fieldProfiles"]}["revenue"] == ("-20.00", "97.50")  # fmt: skip
    assert (table["operation"]["operationType"], table["operation"]["numAffectedRows"]) == (
        "CREATE",
        2,
    )


def test_a_load_tells_its_run(lite):
    books = NAMING.table("freelancer_raw", "books_clients")
    operation = lite.get(books, ["operation"])["operation"]
    assert operation["actor"] == "urn:li:corpuser:dagster"
    assert operation["customProperties"]["dagster_run_id"] == "run-of-the-other-stages"


def test_what_people_asked_is_found_by_its_table(lite):
    [urn] = found(lite, f"aspect_name = 'querySubjects' and metadata like '%{TABLE}%'")
    assert urn == NAMING.query(ASKED)
    assert lite.get(urn, ["queryProperties"])["queryProperties"]["statement"]["value"] == ASKED


def test_open_incidents_are_found_with_their_assertion_and_table(lite):
    incidents = found(lite, "aspect_name = 'incidentInfo' and metadata like '%ACTIVE%'")
    titles = {info["title"] for [info] in incidents.values()}
    assert titles == {
        "amount_is_plausible fails on freelancer_raw.books_invoices",
        "positive_client_revenue_revenue fails on marts.client_revenue",
    }
    for [info] in incidents.values():
        result = lite.get(info["source"]["sourceUrn"], ["assertionRunEvent"])["assertionRunEvent"]
        assert (result["result"]["type"], [result["asserteeUrn"]]) == ("FAILURE", info["entities"])


def test_no_value_of_a_text_column_is_in_the_catalog(catalogued):
    profiles = [
        a for (_, name), a in catalogued.catalog.aspects.items() if name == "datasetProfile"
    ]
    assert not any(name in json.dumps(profiles) for name in ("Ada", "Bob", "Eve"))

"""Which files belong to which table, and which are new or changed."""

import os
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.files.listing import Assigned, Export, assign, changes, describe, find_exports

TABLES = ("clients", "invoices", "time_entries")
LOCAL = fsspec.filesystem("file")


def export(path: str, version: str = "1") -> Export:
    return Export(modified=version, path=path, version=version, size=1)


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("invoices.csv", "invoices"),
        ("invoices.csv.gz", "invoices"),
        ("Invoices.CSV", "invoices"),
        ("clients.json", "clients"),
        ("clients.jsonl", "clients"),
        ("clients.ndjson.gz", "clients"),
        ("time_entries/2025.parquet", "time_entries"),
        ("time_entries/2025/07/part 1.parquet", "time_entries"),
        ("invoices/export.of.march.csv", "invoices"),
    ],
)
def test_a_file_belongs_to_the_table_that_it_is_named_for(path, table):
    assert assign(export(path), TABLES) == Assigned(export(path), table)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("taxes.csv", "no table is called 'taxes'; the tables are clients, invoices, time_entries"),
        ("2025/invoices.csv", "no table is called '2025'"),
        ("invoices.pdf", "its name ends with none of csv, tsv"),
        ("invoices.csv.bz2", "its name ends with none of csv, tsv"),
        ("invoices", "its name ends with none of csv, tsv"),
    ],
)
def test_a_file_of_no_table_says_why(path, reason):
    assert reason in str(assign(export(path), TABLES))


def test_half_written_and_hidden_files_are_passed_over(tmp_path):
    for name in ("invoices.csv", ".invoices.csv.swp", "invoices.csv.part", "_tmp/invoices.csv"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    assert [e.path for e in find_exports(LOCAL, str(tmp_path))] == ["invoices.csv"]


def test_a_folder_that_is_not_there_has_no_exports(tmp_path):
    assert find_exports(LOCAL, str(tmp_path / "none")) == []


def test_a_rewritten_file_of_the_same_size_and_time_is_another_version(tmp_path):
    file = tmp_path / "invoices.csv"
    file.write_text("a")
    (before,) = find_exports(LOCAL, str(tmp_path))
    replacement = tmp_path / "new"
    replacement.write_text("b")
    os.utime(replacement, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    replacement.replace(file)
    assert describe(LOCAL, str(tmp_path), before).version != before.version


def test_files_come_in_the_order_of_their_modification(tmp_path):
    for name, seconds in [("b.csv", 2_000_000_000), ("a.csv", 1_000_000_000.5), ("c.csv", 3)]:
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (seconds, seconds))
    assert [e.path for e in find_exports(LOCAL, str(tmp_path))] == ["c.csv", "a.csv", "b.csv"]


# A step of a random history: a file arrives or is rewritten, one vanishes, or a run happens,
# which may be killed before it commits what it has seen.
PATHS = st.sampled_from(["clients.csv", "invoices/1.csv", "invoices/2.csv", "notes.txt"])
STEP = st.one_of(
    st.tuples(st.just("write"), PATHS),
    st.tuples(st.just("remove"), PATHS),
    st.tuples(st.just("run"), st.booleans()),
)


@given(history=st.lists(STEP, max_size=30))
def test_whatever_happens_each_version_is_loaded_and_none_twice(history):
    present: dict[str, str] = {}
    seen: dict[str, str] = {}
    loaded: list[tuple[str, str]] = []
    version = 0
    for action, argument in [*history, ("run", True)]:
        if action == "write":
            version += 1
            present[str(argument)] = str(version)
        elif action == "remove":
            present.pop(str(argument), None)
        else:
            found = changes((export(p, v) for p, v in present.items()), seen, TABLES)
            assert found.not_assigned.keys() == present.keys() & {"notes.txt"}
            if argument:  # a killed run commits neither rows nor state
                new = {item.export.path: item.export.version for item in found.to_load}
                loaded += new.items()
                seen = {p: v for p, v in seen.items() if p not in found.vanished} | new
    assert seen == {path: v for path, v in present.items() if path != "notes.txt"}
    assert len(loaded) == len(set(loaded))
    assert set(seen.items()) <= set(loaded)


def test_nothing_is_to_do_when_all_was_seen(tmp_path):
    Path(tmp_path / "invoices.csv").write_text("x")
    found = find_exports(LOCAL, str(tmp_path))
    seen = {e.path: e.version for e in found}
    assert changes(found, seen, TABLES) == changes([], {}, TABLES)

"""Older and newer images read an artifact, or refuse it in one line that names both."""

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from scripts.artifact_shapes import ARTIFACTS, FOLDER, file_of, shape
from stack.alerts import Alert, read_alert
from stack.artifacts import Artifact, ArtifactStore, FormatError, parsed
from stack.dbt_artifacts import Manifest, Results
from stack.load_report import (
    ColumnAdded,
    ColumnWidened,
    Failure,
    InputReport,
    LoadReport,
    SetAside,
    TableReport,
    read_report,
    write_report,
)
from stack.raw import raw_tables

counts = st.integers(0, 10**12)
seconds = st.floats(0, 1e9)
aside = st.builds(SetAside, reason=st.text(), records=st.none() | counts)
inputs = st.builds(
    InputReport,
    name=st.text(),
    set_aside=st.lists(aside, max_size=2).map(tuple),
    seconds=seconds,
    facts=st.dictionaries(st.text(), st.text() | counts, max_size=2),
)
tables = st.builds(
    TableReport,
    table=st.sampled_from(raw_tables()),
    columns_added=st.just((ColumnAdded(name="a", type="bigint"),)),
    columns_widened=st.just((ColumnWidened(name="a", before="INTEGER", after="BIGINT"),)),
    seconds=seconds,
)
reports = st.builds(
    LoadReport,
    loader=st.text(),
    asset=st.text(),
    inputs=st.lists(inputs, max_size=2).map(tuple),
    tables=st.dictionaries(st.text(), tables, max_size=2),
    failures=st.just((Failure(source="s", reason="r"),)),
    seconds=seconds,
)


def grown(value: Any) -> Any:
    """The document of an artifact by a newer writer, which says more of everything."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        said = {field.alias or name: grown(getattr(value, name)) for name, field in fields.items()}
        return said | {"of_a_newer_writer": [1]}
    if isinstance(value, dict):
        return {key: grown(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [grown(part) for part in value]
    return to_jsonable_python(value)


@given(reports)
def test_what_only_a_newer_writer_knows_is_left_out_however_deep(report):
    assert parsed(json.dumps(grown(report)).encode(), LoadReport, "x") == report


@given(reports)
def test_a_report_is_read_as_it_was_written(report):
    assert parsed(report.model_dump_json().encode(), LoadReport, "x") == report


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(str(tmp_path))


def test_another_format_is_refused_in_one_line_that_names_both(store):
    write_report(store, "run-1", LoadReport(loader="books", asset="dlt_ingestion_pipeline"))
    newer = store.get_json("load/books.json") | {"format": 2, "loader": ["another", "meaning"]}
    store.put_json("run-2", "load/books.json", newer)
    with pytest.raises(FormatError) as error:
        read_report(store, "books")
    assert str(error.value).startswith(
        "latest/load/books.json: found format 2, expected a LoadReport of format 1; "
    )
    assert "\n" not in str(error.value)


class Third(Artifact):
    """Of format 3; the first meant something else."""

    oldest: ClassVar[int] = 2

    format: int = 3
    rows: int = 0


@pytest.mark.parametrize(("found", "is_read"), [(1, False), (2, True), (3, True), (4, False)])
def test_older_formats_are_read_as_far_back_as_the_class_says(found, is_read):
    content = json.dumps({"format": found, "rows": 5}).encode()
    if is_read:
        assert parsed(content, Third, "x").rows == 5
        return
    with pytest.raises(FormatError, match=f"found format {found}, expected a Third of format 2 to"):
        parsed(content, Third, "x")


@pytest.mark.parametrize("model", [Manifest, Results])
def test_dbt_counts_the_formats_of_its_own_documents(model):
    known = model.model_fields["format"].default

    def document(version):
        said = f"https://schemas.getdbt.com/dbt/x/v{version}.json"
        content = {"metadata": {"dbt_schema_version": said}, "nodes": {}, "sources": {}}
        return json.dumps(content).encode()

    assert parsed(document(known), model, "x").format == known
    with pytest.raises(FormatError, match=f"found format {known + 1}, .* of format {known};"):
        parsed(document(known + 1), model, "x")


ALERT = {"type": "stale", "severity": "error", "description": "old", "source": "me"}


def test_an_alert_of_a_newer_image_is_read_and_the_slip_of_a_persons_pen_is_not():
    own = json.dumps(grown(Alert(**ALERT))).encode()
    assert read_alert(own).type == "stale"
    with pytest.raises(ValueError, match="tabels"):
        read_alert(json.dumps(ALERT | {"tabels": ["raw.books_invoices"]}).encode())


SPOKEN_OF = ("required", "properties", "$defs")


def relied_on(recorded: Any, today: Any) -> bool:
    """Whether who reads `recorded` gets it from who writes `today`."""
    properties = today.get("properties", {})
    if not set(recorded.get("required", ())) <= set(properties):
        return False
    known = recorded.get("properties", {})
    same = all(properties.get(name, part) == part for name, part in known.items())
    rest = [{k: v for k, v in one.items() if k not in SPOKEN_OF} for one in (recorded, today)]
    defs = recorded.get("$defs", {})
    return (
        same
        and rest[0] == rest[1]
        and all(
            name not in today.get("$defs", {}) or relied_on(part, today["$defs"][name])
            for name, part in defs.items()
        )
    )


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_a_reader_of_today_gets_what_it_relies_on_from_a_later_writer(artifact):
    """Else count its `format` up, and record that by `python -m scripts.artifact_shapes`."""
    assert file_of(artifact).exists()
    assert relied_on(json.loads(file_of(artifact).read_text()), shape(artifact))


@pytest.mark.parametrize(
    ("change", "is_fine"),
    [
        (
            lambda new: new["$defs"]["InputReport"]["properties"].pop("reason"),
            True,
        ),  # has a default
        (lambda new: new["$defs"]["InputReport"]["properties"].update(more={}), True),
        (lambda new: new["$defs"]["InputReport"]["properties"].pop("name"), False),
        (lambda new: new["$defs"]["Outcome"]["enum"].append("kept"), False),
        (lambda new: new["properties"]["seconds"].update(type="string"), False),
    ],
)
def test_what_would_break_it_is_found(change, is_fine):
    recorded, new = (json.loads(file_of(LoadReport).read_text()) for _ in range(2))
    change(new)
    assert relied_on(recorded, new) is is_fine


WRITTEN = sorted((FOLDER / "written").glob("*.json"))


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.name)
def test_what_the_last_release_wrote_is_read(file):
    """Before artifacts had a format."""
    [model] = [one for one in ARTIFACTS if one.__name__ == file.stem]
    assert b'"format"' not in file.read_bytes()
    found = parsed(file.read_bytes(), model, file.name)
    document = json.loads(file.read_text())
    assert found.format == 1
    assert document.items() <= found.model_dump(mode="json", by_alias=True).items()


def test_a_report_of_the_last_release_goes_on_to_say_what_it_did():
    report = parsed((FOLDER / "written/LoadReport.json").read_bytes(), LoadReport, "x")
    assert report.at
    assert report.at < datetime.now(UTC)
    assert report.unaccounted() == {}
    assert [change.table for change in report.changes()] == ["raw.books_clients"]

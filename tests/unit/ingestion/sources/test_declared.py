"""Files of sources: what is read without doubt, and what is refused in one line."""

import pytest

from ingestion.sources.declarations import load_sources
from stack.declarations import DeclarationError

API = "kind: rest_api\nname: crm\nbase_url: https://crm.example\ntables:\n  people: "
SHOP = "kind: sql_database\nname: till\nurl: sqlite:////shop.db\ntables:\n  "


def tables(tmp_path, text: str):
    (tmp_path / "one.yml").write_text(text)
    (source,) = load_sources(tmp_path)
    return source.tables


def test_a_key_of_one_column_needs_no_list(tmp_path):
    found = tables(tmp_path, API + "{path: people, primary_key: id}\n")
    assert found["people"].primary_key == ("id",)


def test_a_table_of_a_database_needs_no_options(tmp_path):
    found = tables(tmp_path, SHOP + "prices:\n  orders: {primary_key: [id]}\n")
    assert list(found) == ["prices", "orders"]


def test_a_file_may_end_in_yaml_and_a_scheme_may_be_in_capitals(tmp_path):
    text = API.replace("https:", "HTTPS:") + "{path: people}\n"
    (tmp_path / "crm.yaml").write_text(text)
    (tmp_path / ".hidden.yml").write_text("no source")
    assert [source.name for source in load_sources(tmp_path)] == ["crm"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (API.replace("people", "People") + "{path: x}", "'People', expected small letters"),
        (SHOP + '"Order Items": {}', "as `name` for a database"),
        (API + "{path: x, primary_key: [id, id]}", "names a column twice"),
        (API + '{path: x, primary_key: id, cursor: ""}', "cursor"),
        (API + "{path: x, initial_value: 5}", "initial_value needs a cursor"),
        (API + "{path: x, primary_key: id, cursor: u, initial_value: yesterday}", "ISO 8601"),
        (API + "{path: x, primary_key: id, cursor: u, initial_value: 31.12.2025}", "ISO 8601"),
        (API + '{path: x, params: {since: "{incremental}"}}', "in params needs a cursor"),
    ],
)
def test_a_declaration_that_would_be_read_wrongly_is_refused(tmp_path, text, told):
    with pytest.raises(DeclarationError, match=r"one\.yml:\d") as error:
        tables(tmp_path, text + "\n")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            API.replace("crm\n", "crm_people\n", 1).replace("people: ", "all: "),
            "as that of one.yml",
        ),
        (API.replace("crm\n", "crm_x\n", 1), None),
        (API, "two files declare one name, found crm in one.yml too"),
    ],
)
def test_two_files_never_declare_one_table(tmp_path, other, told):
    one = API.replace("people", "people_all") + "{path: people}\n"
    (tmp_path / "one.yml").write_text(one)
    (tmp_path / "two.yml").write_text(other + "{path: people}\n")
    if told is None:
        assert len(load_sources(tmp_path)) == 2
        return
    with pytest.raises(DeclarationError, match=r"two\.yml") as error:
        load_sources(tmp_path)
    assert told in str(error.value)


def test_a_missing_folder_is_told_with_its_variable(tmp_path):
    with pytest.raises(DeclarationError, match=r"nowhere: can't be read: .* DLT_SOURCES_DIR"):
        load_sources(tmp_path / "nowhere")

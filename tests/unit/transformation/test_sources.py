"""dbt's sources are the declared raw tables, column by column."""

from pathlib import Path

import pytest
import yaml

from stack.raw import RawTable, raw_tables
from transformation.settings import DbtSettings

MODELS = DbtSettings().project_dir / "models"


def declared(table: RawTable) -> dict[str, tuple[str, str]]:
    return {column.name: (column.type, column.description) for column in table.columns}


def sources() -> dict[str, dict]:
    found = {}
    for file in sorted(MODELS.rglob("*__sources.yml")):
        for source in yaml.safe_load(file.read_text())["sources"]:
            for table in source["tables"]:
                found[f"{source['name']}_{table['name']}"] = table
    return found


def test_every_raw_table_is_a_source_and_no_other():
    assert set(sources()) == {table.table_name for table in raw_tables()}


@pytest.mark.parametrize("table", raw_tables(), ids=lambda table: table.table_name)
def test_source_agrees_with_the_declaration(table: RawTable):
    source = sources()[table.table_name]

    assert source["identifier"] == table.table_name
    assert source["description"] == table.description
    assert {
        column["name"]: (column["data_type"], column["description"]) for column in source["columns"]
    } == declared(table)


@pytest.mark.parametrize("table", raw_tables(), ids=lambda table: table.table_name)
def test_source_has_a_staging_model_named_after_it(table: RawTable):
    assert (MODELS / "staging" / table.source / f"stg_{table.source}__{table.name}.sql").is_file()


def test_sql_files_are_described_beside_themselves():
    for file in MODELS.rglob("*.sql"):
        (described,) = Path(file.parent).glob("*__models.yml")
        names = {model["name"] for model in yaml.safe_load(described.read_text())["models"]}
        assert file.stem in names

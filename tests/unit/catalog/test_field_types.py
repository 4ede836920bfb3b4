"""DuckDB's types as DataHub's."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.field_types import SCALARS, Field, data_type, fields_of
from stack.raw import raw_tables


def kinds(native: str) -> dict[str, str]:
    return {field.path: field.kind for field in fields_of("c", native)}


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        ("DECIMAL(18,2)", "Number"),
        ("VARCHAR", "String"),
        ("TIMESTAMP WITH TIME ZONE", "Time"),
        ("JSON", "Record"),
        ("ENUM('a(b', 'c,d')", "Enum"),
        ("MAP(VARCHAR, STRUCT(a INTEGER))", "Map"),
        ("UNION(n INTEGER, s VARCHAR)", "Union"),
        ("INTEGER[3]", "Array"),
        ("GEOMETRY", "Null"),
    ],
)
def test_a_type_without_named_parts_is_one_field(native, kind):
    assert fields_of("c", native) == (Field("c", native, kind),)


def test_a_struct_lists_its_fields_at_every_depth():
    assert kinds("STRUCT(a INTEGER, b STRUCT(c DECIMAL(4,1), d VARCHAR[]))") == {
        "c": "Record",
        "c.a": "Number",
        "c.b": "Record",
        "c.b.c": "Number",
        "c.b.d": "Array",
    }


def test_a_list_of_structs_lists_the_fields_of_its_items():
    assert kinds("STRUCT(sku VARCHAR)[]") == {"c": "Array", "c.sku": "String"}


def test_a_name_in_quotes_may_hold_anything():
    assert kinds('STRUCT("a (1), ""b""" INTEGER, z DATE)') == {
        "c": "Record",
        'c.a (1), "b"': "Number",
        "c.z": "Date",
    }


def test_every_declared_column_has_a_known_type():
    connection = duckdb.connect()
    for table in raw_tables():
        for column in table.columns:
            [native] = connection.execute(f"select typeof(null::{column.type})").fetchone() or [""]
            assert fields_of(column.name, native)[0].kind != "Null", column


def test_every_kind_is_a_class_of_datahub():
    for kind in {*SCALARS.values(), "Array", "Map", "Null", "Record", "Union"}:
        assert data_type(kind).validate()


SCALAR = st.sampled_from(["INTEGER", "VARCHAR", "DECIMAL(18,2)", "TIMESTAMP", "BOOLEAN", "UUID"])
NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0\r\n"), min_size=1, max_size=8)


def struct_of(members: dict[str, str]) -> str:
    fields = ('"' + name.replace('"', '""') + f'" {native}' for name, native in members.items())
    return f"STRUCT({', '.join(fields)})"


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    structs = st.dictionaries(NAMES.map(str.casefold), inner, min_size=1, max_size=3).map(struct_of)
    return st.one_of(structs, inner.map("{}[]".format))


@given(st.recursive(SCALAR, nested, max_leaves=8))
def test_no_field_of_a_type_as_duckdb_prints_it_is_lost(declared):
    [native] = duckdb.execute(f"select typeof(null::{declared})").fetchone() or [""]
    fields = fields_of("c", native)
    assert all(field.kind != "Null" for field in fields)
    assert len(fields) == 1 + _members(duckdb.sqltype(declared))


def _members(native: duckdb.sqltypes.DuckDBPyType) -> int:
    if native.id in ("list", "array"):
        return _members(dict(native.children)["child"])
    if native.id != "struct":
        return 0
    return sum(1 + _members(child) for _, child in native.children)

"""DuckDB's column types as DataHub's.

DuckDB: https://duckdb.org/docs/stable/sql/data_types/overview
DataHub: https://docs.datahub.com/docs/metadata-modeling/metadata-model (SchemaFieldDataType)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datahub.metadata.schema_classes import SchemaFieldDataTypeClass

# DuckDB's name of the type, without parameters, to DataHub's type class.
SCALARS = {
    "BIGINT": "Number",
    "BIGNUM": "Number",
    "BIT": "Bytes",
    "BLOB": "Bytes",
    "BOOLEAN": "Boolean",
    "DATE": "Date",
    "DECIMAL": "Number",
    "DOUBLE": "Number",
    "ENUM": "Enum",
    "FLOAT": "Number",
    "HUGEINT": "Number",
    "INTEGER": "Number",
    "INTERVAL": "Time",
    # An object or an array, whose structure DuckDB doesn't know.
    "JSON": "Record",
    "SMALLINT": "Number",
    "TIME": "Time",
    "TIME WITH TIME ZONE": "Time",
    "TIMESTAMP": "Time",
    "TIMESTAMP WITH TIME ZONE": "Time",
    "TIMESTAMP_MS": "Time",
    "TIMESTAMP_NS": "Time",
    "TIMESTAMP_S": "Time",
    "TIMETZ": "Time",
    "TIMESTAMPTZ": "Time",
    "TINYINT": "Number",
    "UBIGINT": "Number",
    "UHUGEINT": "Number",
    "UINTEGER": "Number",
    "USMALLINT": "Number",
    "UTINYINT": "Number",
    "UUID": "String",
    "VARCHAR": "String",
}


@dataclass(frozen=True)
class Field:
    """A column or a field within one; `path` joins the names with dots."""

    path: str
    native_type: str
    kind: str


def fields_of(name: str, native_type: str) -> tuple[Field, ...]:
    """The column, and for a STRUCT (or a list of them) also its fields, outermost first."""
    native = native_type.strip()
    if _is_list(native):
        inner = fields_of(name, _element(native))
        return (Field(name, native, "Array"), *inner[1:])
    head, members = _parameters(native)
    if head == "STRUCT":
        nested = [
            field
            for member, member_type in members
            for field in fields_of(f"{name}.{member}", member_type)
        ]
        return (Field(name, native, "Record"), *nested)
    kinds = {"MAP": "Map", "UNION": "Union"}
    return (Field(name, native, kinds.get(head) or SCALARS.get(head, "Null")),)


def data_type(kind: str) -> SchemaFieldDataTypeClass:
    """DataHub's object for a kind such as `Number`; `Null` is DataHub's name for unknown."""
    from datahub.metadata import schema_classes

    type_class: Any = getattr(schema_classes, f"{kind}TypeClass")
    return schema_classes.SchemaFieldDataTypeClass(type=type_class())


def _is_list(native: str) -> bool:
    return native.endswith("]")


def _element(native: str) -> str:
    return native[: native.rindex("[")].strip()


def _parameters(native: str) -> tuple[str, list[tuple[str, str]]]:
    """The type's name, and for a STRUCT its (member, type) pairs."""
    head, bracket, rest = native.partition("(")
    head = head.strip().upper()
    if not bracket or head != "STRUCT":
        return head, []
    return head, [_member(part) for part in _split(rest.rsplit(")", 1)[0])]


def _split(text: str) -> list[str]:
    """Split at commas outside of brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _member(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        end = text.index('"', 1)
        while text[end + 1 : end + 2] == '"':  # a doubled quote is an escaped one
            end = text.index('"', end + 2)
        return text[1:end].replace('""', '"'), text[end + 1 :].strip()
    name, _, member_type = text.partition(" ")
    return name, member_type.strip()

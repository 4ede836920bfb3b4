"""What may be declared of a kind of files; it beats what the reader finds out by itself."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ColumnKind = Literal[
    "text", "integer", "decimal", "double", "boolean", "date", "time", "timestamp", "json"
]
DateOrder = Literal["dmy", "mdy", "ymd"]
Contract = Literal["evolve", "freeze", "set_aside"]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRule(_Declared):
    """One column: its name in the table, its type and how its values are written.

    `format` is strptime's, such as `%d.%m.%Y`, of a date, a time or a timestamp; `decimal` the mark
    before the fraction of a number.
    """

    name: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    type: ColumnKind | None = None
    format: str | None = None
    decimal: Literal[".", ","] | None = None


class ReadingRules(_Declared):
    """How a kind of files is read, as far as it is declared; None or empty: found out.

    `header_line` counts from 1; `header` names the columns of files that have no header, and 0 as
    `header_line` says that there is none. `footer_lines` are not rows. `sheet` is a workbook's.
    `decimal` and `dates` hold for every column without a rule of its own. `columns` are by the name
    in the file. `key` are names in the table.

    `contract` says what becomes of a value or a column that the table has no room for: `evolve`
    widens the table, `freeze` refuses the file, `set_aside` loads the other rows.
    """

    encoding: str | None = None
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    quote: str | None = Field(None, max_length=1)
    header_line: int | None = Field(None, ge=0)
    header: tuple[str, ...] = ()
    footer_lines: int = Field(0, ge=0)
    sheet: str | None = None
    decimal: Literal[".", ","] | None = None
    dates: DateOrder | None = None
    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    contract: Contract = "evolve"


NOTHING_DECLARED = ReadingRules()

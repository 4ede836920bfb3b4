"""Which currency a file's amounts are in, from a column, a header or the values' signs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.connect.columns import Read, values
from ingestion.connect.questions import ConnectError
from ingestion.files.currencies import CODE_OF
from ingestion.files.profile import ColumnProfile
from ingestion.layouts import CURRENCY
from stack.sql import identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MOST = 50  # currencies in one column
_UNIT = re.compile(r"number as [-(]?(\D*?)1.*?([^\d.,'()-]*)[-)]?$")


def code_of(said: str) -> str:
    """The code of a currency as the user said it. Raises ConnectError if it isn't one."""
    code = said.strip().upper()
    if code and not re.fullmatch("[A-Z]{3}", code):
        raise ConnectError(
            f"--currency {said}", found="no code of a currency", expected="three letters, as in EUR"
        )
    return code


@dataclass(frozen=True)
class Currency:
    """A code, or the column that has it, with the evidence."""

    code: str = ""
    column: str = ""
    evidence: str = ""


def currency_column(
    connection: DuckDBPyConnection, files: Sequence[Read], columns: Sequence[ColumnProfile]
) -> Currency | None:
    """The one column whose values are all currency codes."""
    found = []
    for column in columns:
        if column.type != "VARCHAR" or not 0 < column.different <= _MOST:
            continue
        name = identifier(column.name)
        rows = connection.execute(
            f"select distinct {name} from ({values(files, [column.name])}) where {name} is not null"
        ).fetchall()
        codes = sorted(str(code).strip().upper() for (code,) in rows)
        if codes and all(CURRENCY.fullmatch(code) for code in codes):
            told = f"each value of {column.header!r} is a currency: {', '.join(codes[:5])}"
            found.append(Currency(codes[0] if len(codes) == 1 else "", column.name, told))
    return found[0] if len(found) == 1 else None


def currency_of(columns: Sequence[ColumnProfile], amounts: Collection[str]) -> Currency | None:
    """The currency in headers and values, if they agree.

    It looks at the columns that are known to be `amounts`, or else at all numbers.
    """
    numbers = [c for c in columns if c.type == "BIGINT" or c.type.startswith("DECIMAL")]
    asked = [c for c in numbers if c.name in amounts] or numbers
    found = [told for column in asked for told in _said(column)]
    return found[0] if len({told.code for told in found}) == 1 else None


def _said(column: ColumnProfile) -> Iterator[Currency]:
    words = column.name.upper().replace("_", " ")
    if "$" not in column.header and (code := CURRENCY.search(words)):
        yield Currency(code[0], evidence=f"header {column.header!r}")
    match = _UNIT.fullmatch(column.reason)
    for unit in (part.strip() for part in match.groups()) if match else ():
        code_ = CODE_OF.get(unit) or (unit if CURRENCY.fullmatch(unit) else "")
        if code_:
            yield Currency(code_, evidence=f"each value of {column.header!r} has {unit}")

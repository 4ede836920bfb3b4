"""What may be declared about a kind of file; it overrides what the reader finds out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from stack.declarations import NAME, Declaration
from stack.sql import literal

ColumnKind = Literal[
    "text", "integer", "decimal", "double", "boolean", "date", "time", "timestamp", "json"
]
DateOrder = Literal["dmy", "mdy", "ymd"]
Contract = Literal["evolve", "freeze", "set_aside"]


class ColumnRule(Declaration):
    """One column: its name in the table, its type and how its values are written.

    `format` is a strptime format such as `%d.%m.%Y`, for a date, time or timestamp; `decimal` is
    the decimal mark of a number.
    """

    name: str | None = Field(default=None, pattern=NAME)
    type: ColumnKind | None = None
    format: str | None = None
    decimal: Literal[".", ","] | None = None


class DerivedRule(Declaration):
    """A column computed from others by SQL over the row; `_line` is the row's place."""

    type: ColumnKind
    sql: str


class AmountRule(Declaration):
    """What a row moves, signed as the account sees it: money out is negative.

    It is `column` as written; or unsigned with the sign in `sign_column`, whose values are listed
    in `money_in` and `money_out`; or a card's, where `sign` says that charges are positive; or the
    two columns `credit` and `debit`, the latter negative or positive according to `debit_sign`.
    """

    column: str | None = None
    sign: Literal["as_written", "charge_positive"] = "as_written"
    sign_column: str | None = None
    money_in: tuple[str, ...] = ()
    money_out: tuple[str, ...] = ()
    credit: str | None = None
    debit: str | None = None
    debit_sign: Literal["negative", "positive"] = "negative"

    @model_validator(mode="after")
    def _is_one_of_them(self) -> AmountRule:
        if (self.column is None) == (self.credit is None or self.debit is None):
            raise ValueError("an amount is of a column, or of credit and debit")
        if self.sign_column and not (self.money_in and self.money_out):
            raise ValueError("a sign_column needs money_in and money_out")
        return self

    @property
    def sql(self) -> str:
        """The signed amount in SQL; a sign that isn't declared refuses the file."""
        if self.column is None:
            minus = "-" if self.debit_sign == "positive" else "+"
            either = f"{self.credit} is not null or {self.debit} is not null"
            both = f"coalesce({self.credit}, 0) {minus} coalesce({self.debit}, 0)"
            return f"case when {either} then {both} end"
        if self.sign == "charge_positive":
            return f"-{self.column}"
        if self.sign_column is None:
            return self.column
        ins, outs = (", ".join(map(literal, v)) for v in (self.money_in, self.money_out))
        told = literal(f"column {self.sign_column} has a sign that isn't known: ")
        return (
            f"case when {self.column} is null then null "
            f"when {self.sign_column} in ({ins}) then {self.column} "
            f"when {self.sign_column} in ({outs}) then -{self.column} "
            f"else error({told} || coalesce({self.sign_column}, 'none')) end"
        )


class BalanceRule(Declaration):
    """A running balance: each row's equals the previous row's plus what the row moves.

    `order` of the rows in the file; None means whichever fits. `within` are an account's columns.
    """

    balance: str
    amount: str = "amount_signed"
    order: Literal["ascending", "descending"] | None = None
    within: tuple[str, ...] = ()


class TotalsRule(Declaration):
    """Balances above or below the rows: the opening one plus all rows gives the closing one.

    Both are patterns for a line, its cells joined by semicolons, with a group `amount` and
    optionally `minus`, which matches if the amount is owed.
    """

    opening: str
    closing: str
    amount: str = "amount_signed"
    decimal: Literal[".", ","] = ","


class ReadingRules(Declaration):
    """How a kind of file is read, as far as it is declared; None or empty: found out.

    `header_line` counts from 1. Files without a header have 0 there, or `header` with the names.
    `footer_lines` aren't rows. `sheet` is a workbook's. `decimal` and `dates` apply to columns
    without a rule of their own. `columns` are keyed by the name in the file. `key` has names in the
    table; with `occurrence`, rows may be equal in it, and the table's key is a column `_row_key` of
    these values and a number among equal rows. `skip` has, by the file's column names, values whose
    rows are left out; `Total for *` matches any ending. `constants` are text columns that the
    header carries; `preamble` are text columns that the lines before the header carry, each as a
    regular expression with one group for the value.

    `derived` are columns computed from the table's. `checks` are SQL that must hold for every row;
    the first row that fails is named. Both see columns with their declared types, text by default,
    and null for those of `optional` that the file lacks. `balance` and `totals` are checked too. A
    line of another width that starts with a word of `footer`, and all lines after it, aren't rows.

    `contract` says what to do with a value or column that doesn't fit the table: `evolve` widens
    the table, `freeze` refuses the file, `set_aside` loads the other rows.
    """

    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str | None = Field(default=None, max_length=1)
    header_line: int | None = Field(default=None, ge=0)
    header: tuple[str, ...] = ()
    footer_lines: int = Field(default=0, ge=0)
    sheet: str | None = None
    decimal: Literal[".", ","] | None = None
    dates: DateOrder | None = None
    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    occurrence: bool = False
    skip: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    preamble: dict[str, str] = Field(default_factory=dict)
    derived: dict[str, DerivedRule] = Field(default_factory=dict)
    checks: dict[str, str] = Field(default_factory=dict)
    optional: dict[str, ColumnKind] = Field(default_factory=dict)
    balance: BalanceRule | None = None
    totals: TotalsRule | None = None
    footer: tuple[str, ...] = ()
    contract: Contract = "evolve"

    @property
    def hints_only(self) -> bool:
        """Whether they declare at most how days and numbers are read, not what the file is."""
        return not self.model_fields_set - {"dates", "decimal"}

    def with_hints(self, *others: ReadingRules) -> ReadingRules:
        """These rules, reading days and numbers as others declare, where they do."""
        dates = next((o.dates for o in others if o.dates), self.dates)
        decimal = next((o.decimal for o in others if o.decimal), self.decimal)
        return self.model_copy(update={"dates": dates, "decimal": decimal})


NOTHING_DECLARED = ReadingRules()
_OF_A_WHOLE_FILE = ("header", "footer_lines", "footer", "sheet", "balance", "totals")


def of_rows_put_back(rules: ReadingRules, header_line: int) -> ReadingRules:
    """The rules for a plain CSV that the stack wrote itself from some rows of a user's file."""
    written: dict[str, object] = {"encoding": "utf-8", "delimiter": ",", "quote": '"'}
    whole = {name: getattr(NOTHING_DECLARED, name) for name in _OF_A_WHOLE_FILE}
    return rules.model_copy(update={**written, **whole, "header_line": header_line})

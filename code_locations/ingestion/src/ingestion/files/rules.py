"""What may be declared of a kind of files; it beats what the reader finds out by itself."""

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

    `format` is strptime's, such as `%d.%m.%Y`, of a date, a time or a timestamp; `decimal` the mark
    before the fraction of a number.
    """

    name: str | None = Field(default=None, pattern=NAME)
    type: ColumnKind | None = None
    format: str | None = None
    decimal: Literal[".", ","] | None = None


class DerivedRule(Declaration):
    """A column that is made of others, as SQL over the row; `_line` is the row's place."""

    type: ColumnKind
    sql: str


class AmountRule(Declaration):
    """What a row moves, signed as the account sees it: money out is negative.

    Of `column` as it is written; of an unsigned one with its sign in `sign_column`, whose values
    are among `money_in` and `money_out`; of a card's, where `sign` says that a charge is positive;
    or of two columns, `credit` and `debit`, the latter negative as `debit_sign` says.
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
        """The signed amount; a sign that isn't declared refuses the file."""
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
    """A running balance: each row's is that of the row before and what the row moves.

    `order` of the rows in the file; None: whichever fits. `within` are the columns of an account.
    """

    balance: str
    amount: str = "amount_signed"
    order: Literal["ascending", "descending"] | None = None
    within: tuple[str, ...] = ()


class TotalsRule(Declaration):
    """Balances that stand above or below the rows: the opening one and all rows make the closing.

    Patterns of such a line, its cells with semicolons between them: a group `amount`, and maybe
    `minus`, which is there for what is owed.
    """

    opening: str
    closing: str
    amount: str = "amount_signed"
    decimal: Literal[".", ","] = ","


class ReadingRules(Declaration):
    """How a kind of files is read, as far as it is declared; None or empty: found out.

    `header_line` counts from 1; `header` names the columns of files that have no header, and 0 as
    `header_line` says that there is none. `footer_lines` are not rows. `sheet` is a workbook's.
    `decimal` and `dates` hold for every column without a rule of its own. `columns` are by the name
    in the file. `key` are names in the table; with `occurrence` rows may be equal in them, and the
    table's key is a column `_row_key` of these and the row's number among equal ones. Rows with a
    value of `skip` in its column, by the file's name, are left out; `Total for *` is any that
    begins so. `constants` are columns of text that the header carries; `preamble` are such columns
    that the lines before the header carry, each as a regular expression with a group for the value.

    `derived` are columns made of the table's, `checks` are SQL that is to be true of every row: one
    where it is false is named. Both see columns as they are declared, text where nothing is; those
    of `optional` that the file lacks as null. `balance` and `totals` are checked, too. A line of
    another width that begins with a word of `footer`, and what follows it, is no row.

    `contract` says what becomes of a value or a column that the table has no room for: `evolve`
    widens the table, `freeze` refuses the file, `set_aside` loads the other rows.
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
        """Whether they leave it open what the file is: at most how its days and numbers read."""
        return not self.model_fields_set - {"dates", "decimal"}

    def with_hints(self, *others: ReadingRules) -> ReadingRules:
        """These rules, with how days and numbers read as others have it."""
        dates = next((o.dates for o in others if o.dates), self.dates)
        decimal = next((o.decimal for o in others if o.decimal), self.decimal)
        return self.model_copy(update={"dates": dates, "decimal": decimal})


NOTHING_DECLARED = ReadingRules()
_OF_A_WHOLE_FILE = ("header", "footer_lines", "footer", "sheet", "balance", "totals")


def of_rows_put_back(rules: ReadingRules, header_line: int) -> ReadingRules:
    """The rules for a plain CSV that the stack wrote itself, of some rows of a file of theirs."""
    written: dict[str, object] = {"encoding": "utf-8", "delimiter": ",", "quote": '"'}
    whole = {name: getattr(NOTHING_DECLARED, name) for name in _OF_A_WHOLE_FILE}
    return rules.model_copy(update={**written, **whole, "header_line": header_line})

"""SQL and Great Expectations agree on which rows break an expectation.

In a large table, Great Expectations only sees the rows that SQL can't clear: a row that SQL wrongly
cleared would be a missed failure.
"""

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quality.declarations import Expectation, Kind, Severity
from quality.frames import _plain as plain
from quality.queries import literal, violation
from stack.sql import identifier
from support.examples import examples

TYPES = {"n": "bigint", "m": "bigint", "money": "decimal(18,2)", "text": "varchar", "day": "date",
         "at": "timestamp", "yes": "boolean"}  # fmt: skip

COLUMN = {
    "expect_column_values_to_not_be_null": {},
    "expect_column_values_to_be_null": {},
    "expect_column_values_to_be_unique": {},
}
EXPECTATIONS: list[tuple[str, dict[str, Any]]] = [
    *((type_, {"column": column}) for type_ in COLUMN for column in TYPES),
    ("expect_compound_columns_to_be_unique", {"column_list": ["n", "text"]}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["day", "m"]}),
    ("expect_column_values_to_be_in_set", {"column": "text", "value_set": ["a", "B'b"]}),
    ("expect_column_values_to_be_in_set", {"column": "n", "value_set": [0, 1]}),
    ("expect_column_values_to_not_be_in_set", {"column": "text", "value_set": ["a", ""]}),
    ("expect_column_values_to_be_between", {"column": "n", "min_value": 0, "max_value": 2}),
    ("expect_column_values_to_be_between", {"column": "n", "min_value": 0, "strict_min": True}),
    ("expect_column_values_to_be_between", {"column": "money", "max_value": 0.01}),
    ("expect_column_values_to_be_between",
     {"column": "money", "max_value": 1, "strict_max": True, "min_value": -0.01}),
    ("expect_column_values_to_be_between",
     {"column": "day", "min_value": date(2025, 1, 1), "max_value": date(2025, 1, 2)}),
    ("expect_column_values_to_be_between", {"column": "at", "min_value": date(2025, 1, 1)}),
    ("expect_column_value_lengths_to_be_between",
     {"column": "text", "min_value": 1, "max_value": 2}),
    ("expect_column_values_to_match_regex", {"column": "text", "regex": "^[A-Z]{1,2}$"}),
    ("expect_column_values_to_match_regex", {"column": "text", "regex": "b"}),
    ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "n", "column_B": "m"}),
    ("expect_column_pair_values_a_to_be_greater_than_b",
     {"column_A": "at", "column_B": "day", "or_equal": True}),
]  # fmt: skip

ROW = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-1, 3),
        "m": st.none() | st.integers(-1, 3),
        "money": st.none() | st.decimals(-1, 2, places=2),
        "text": st.none() | st.sampled_from(["a", "A", "AB", "", "B'b", "ab\n", "ä", "ABC"]),
        "day": st.none() | st.integers(-2, 3).map(lambda n: date(2025, 1, 1) + timedelta(n)),
        "at": st.none()
        | st.integers(-9, 9).map(lambda n: datetime(2025, 1, 1) + timedelta(hours=6 * n)),  # noqa: DTZ001 naive as in the books
        "yes": st.none() | st.booleans(),
    }
)


def expectation(number: int, type_: str, kwargs: dict[str, Any]) -> Expectation:
    return Expectation(
        schema="raw", table="t", name=f"e{number}", kind=Kind.ROWS, type=type_, kwargs=kwargs,
        severity=Severity.CRITICAL, because="",
    )  # fmt: skip


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from great_expectations import RunIdentifier

    from quality.project import open_context, working_copy
    from quality.settings import GreatExpectationsSettings
    from quality.suites import Judge
    from stack.settings import load_settings

    project = load_settings(GreatExpectationsSettings).project_dir
    with working_copy(project, tmp_path_factory.mktemp("gx") / "project", keep=False) as copy:
        yield Judge(open_context(copy), RunIdentifier(run_name="sieve"))


# No shrinking: an example costs half a second, and the assertion shows its few rows.
@settings(
    max_examples=examples(10),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
@given(rows=st.lists(ROW, max_size=8))
def test_sql_finds_the_rows_that_great_expectations_finds(
    judge: Any, rows: list[dict[str, Any]]
) -> None:
    expectations = [expectation(i, *e) for i, e in enumerate(EXPECTATIONS)]
    connection = duckdb.connect()
    connection.execute(
        f"create table t ({', '.join(f'{identifier(c)} {t}' for c, t in TYPES.items())})"
    )
    for row in rows:
        connection.execute("insert into t values (?, ?, ?, ?, ?, ?, ?)", [row[c] for c in TYPES])
    shown = ", ".join(f"{plain(c, t.upper())} as {identifier(c)}" for c, t in TYPES.items())
    frame = connection.execute(f"select {shown} from t").df()
    judge.count = getattr(judge, "count", 0) + 1
    verdicts = judge.judge(f"sieve.{judge.count}", frame, expectations)
    for e in expectations:
        found = connection.execute(f"select count(*) from t where {violation(e, 't')}").fetchone()
        assert found
        verdict = verdicts[e.name]
        assert verdict.error is None, (e.type, e.kwargs, verdict.error)
        assert (verdict.unexpected_count or 0) == found[0], (e.type, e.kwargs, frame)
        assert verdict.success == (found[0] == 0), (e.type, e.kwargs)


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.5, "it's", date(2025, 1, 2), datetime(2025, 1, 2, 3, 4, 5)],  # noqa: DTZ001
)
def test_a_value_survives_as_a_literal(value: Any) -> None:
    found = duckdb.connect().execute(f"select {literal(value)}").fetchone()
    assert found == (pytest.approx(float(value)) if isinstance(value, float) else value,)

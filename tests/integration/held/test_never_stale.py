"""Whatever happens between runs, a run that skips what holds ends like one that redoes everything.

After each of many random changes, the models, tests and expectations of a small project are run as
the stack runs them, but with `mini_dbt` instead of dbt, so that thousands of runs can be checked.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

import stack.held
from quality.declarations import Expectation, Kind, Severity, Suite
from quality.holding import EXPECTATIONS, claims_of, fingerprints, held_results, key_of
from quality.queries import failing_rows
from quality.results import Result
from stack.artifacts import ArtifactStore
from stack.held import Run, read_claims, write_claims
from stack.settings import WarehouseSettings
from stack.warehouse import connect
from tests.integration.held.mini_dbt import (
    MACROS,
    MODELS,
    RAW,
    TESTS,
    Project,
    executable,
    setup,
)
from transformation.holding import MODELS as OF_MODELS
from transformation.holding import TESTS as OF_TESTS
from transformation.holding import Witness, held_models, held_tests
from transformation.state import state_of

FIRST_DAY = date(2026, 6, 1)
SMALL = st.integers(min_value=0, max_value=4)


def expect(schema: str, table: str, sql: str) -> Suite:
    rule = Expectation(
        schema, table, "rule", Kind.RULE, "expect_none", {}, Severity.CRITICAL, "", sql
    )
    return Suite(schema, table, ("id",), (rule,))


SUITES = (
    expect("raw", "entries", "select * from {table} where n > 3"),
    expect(
        "marts",
        "named",
        "select * from {table} where total > (select max(n) + 5 from {raw.entries})",
    ),
    expect("marts", "recent", "select * from {table} where seen_on > '2026-06-02'"),
    expect("marts", "ages", "select 1 from {table} where current_date > '2026-06-02'"),
)


class Nights(RuleBasedStateMachine):
    """What people and programs do to a stack between, and amid, its runs."""

    destination = "duckdb"

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        home = Path(self.folder.name)
        self.settings = WarehouseSettings(
            stack_home=home / "home",
            dlt_destination=self.destination,
            dlt_dataset_name="raw",
            warehouse_threads=1,
        )
        self.saved = home / "saved"
        self.store = ArtifactStore(str(home / "artifacts"))
        self.project = Project()
        self.days = 0
        self.runs = 0
        self.said: list[tuple[int, int]] = []
        with connect(self.settings) as connection:
            setup(connection, FIRST_DAY)

    def teardown(self) -> None:
        try:
            self.daily()
        finally:
            self.folder.cleanup()

    @property
    def day(self) -> date:
        return FIRST_DAY + timedelta(days=self.days)

    def write(self, *statements: str) -> None:
        with connect(self.settings) as connection:
            for statement in statements:
                connection.execute(statement)

    @rule(k=SMALL, client=SMALL, n=SMALL)
    def enter(self, k: int, client: int, n: int) -> None:
        self.write(
            f"delete from raw.entries where k = {k}",
            f"insert into raw.entries by name select {k} as k, {client} as id, {n} as n",
        )

    @rule(k=SMALL)
    def remove(self, k: int) -> None:
        self.write(f"delete from raw.entries where k = {k}")

    @rule(client=SMALL, name=st.sampled_from(["'a'", "'b'", "null"]))
    def name(self, client: int, name: str) -> None:
        self.write(
            f"delete from raw.clients where id = {client}",
            f"insert into raw.clients by name select {client} as id, {name} as name",
        )

    @rule(name=st.sampled_from(RAW))
    def widen(self, name: str) -> None:
        self.write(f"alter table raw.{name} add column if not exists more varchar")

    @rule()
    def note(self) -> None:
        self.write("insert into hidden.notes values ('x')")

    @rule(name=st.sampled_from(sorted(MODELS)), which=st.integers(0, 2))
    def edit(self, name: str, which: int) -> None:
        self.project.chosen[name] = which % len(MODELS[name][2])

    @rule(macro=st.sampled_from(MACROS))
    def edit_macro(self, macro: str) -> None:
        self.project.macro = macro

    @rule(least=SMALL)
    def edit_var(self, least: int) -> None:
        self.project.least = least

    @rule(
        name=st.sampled_from(["by_client", "named", "ages"]),
        kind=st.sampled_from(["view", "table"]),
    )
    def edit_kind(self, name: str, kind: str) -> None:
        self.project.kinds[name] = kind

    @rule(days=st.integers(1, 2))
    def days_pass(self, days: int) -> None:
        self.days += days

    @rule(name=st.sampled_from(sorted(MODELS)))
    def drop(self, name: str) -> None:
        self.by_hand(name, "drop {kind} marts.{name}")

    @rule(name=st.sampled_from(sorted(MODELS)))
    def empty(self, name: str) -> None:
        self.by_hand(
            name,
            "delete from marts.{name}",
            "create or replace view marts.{name} as select * from ({sql}) where false",
        )

    @rule(name=st.sampled_from(sorted(MODELS)))
    def remake(self, name: str) -> None:
        """As `make dbt` does, which leaves no claims."""
        with connect(self.settings) as connection:
            setup(connection, self.day)
            with suppress(duckdb.Error):  # a model that can't be made
                self.project.make(connection, name)

    def by_hand(self, name: str, of_table: str, of_view: str | None = None) -> None:
        with connect(self.settings) as connection:
            row = connection.execute(
                "select table_type from information_schema.tables where table_catalog = "
                "'warehouse' and table_schema = 'marts' and table_name = ?",
                [name],
            ).fetchone()
            if row is None:
                return
            kind = "view" if row[0] == "VIEW" else "table"
            statement = of_view if kind == "view" and of_view else of_table
            sql = executable(self.project.sql(name))
            with suppress(duckdb.Error):
                connection.execute(statement.format(kind=kind, name=name, sql=sql))

    @rule()
    def save(self) -> None:
        shutil.rmtree(self.saved, ignore_errors=True)
        shutil.copytree(self.settings.stack_home, self.saved)

    @rule()
    def restore(self) -> None:
        """The warehouse; the claims are younger."""
        if self.saved.exists():
            shutil.rmtree(self.settings.stack_home)
            shutil.copytree(self.saved, self.settings.stack_home)

    @rule(name=st.sampled_from([OF_MODELS, OF_TESTS, EXPECTATIONS]))
    def lose_claims(self, name: str) -> None:
        write_claims(self.store, name, "none", {})

    @rule(models=st.integers(1, 8))
    def killed_amid_the_models(self, models: int) -> None:
        self.make_models(at_most=models)

    @rule()
    def daily(self) -> None:
        self.night()

    def night(self) -> set[str]:
        """A daily run, compared with one that does all; the models that failed."""
        stack.held.today = lambda: self.day
        self.runs += 1
        missing = self.make_models()
        found = self.judge_tests(missing) | self.judge_expectations()
        self.compare(missing, found)
        return missing

    def make_models(self, at_most: int | None = None) -> set[str]:
        """Make those that don't hold; return those that failed or were left out for it."""
        project, outcomes, missing = self.project, [], set()
        graph, definitions = project.graph(), project.definitions()
        with connect(self.settings) as connection:
            setup(connection, self.day)
            before = state_of(graph, definitions, connection, self.settings)
            claims = read_claims(self.store, OF_MODELS)
            held = held_models(before, claims)
            to_run = [m for m in graph.models if m.unique_id not in held]
            for model in to_run[:at_most]:
                status = "success"
                if missing & {p.rpartition(".")[2] for p in model.parents}:
                    status = "skipped"
                else:
                    try:
                        project.make(connection, model.name)
                    except duckdb.Error:
                        status = "error"
                if status != "success":
                    missing.add(model.name)
                compiled = project.sql(model.name)
                uid = model.unique_id
                outcomes.append({"unique_id": uid, "status": status, "compiled_code": compiled})
        if at_most is None:
            with connect(self.settings, read_only=True) as connection:
                after = state_of(graph, definitions, connection, self.settings)
            self.said.append((len(held), len(to_run)))
            now = Witness(Run(f"{self.runs}", self.day), claims).after_models(
                before, after, outcomes
            )
            write_claims(self.store, OF_MODELS, f"{self.runs}", now)
        return missing

    def judge_tests(self, missing: set[str]) -> dict[str, bool]:
        graph, definitions = self.project.graph(), self.project.definitions()
        outcomes, found = [], {}
        models, claims = read_claims(self.store, OF_MODELS), read_claims(self.store, OF_TESTS)
        with connect(self.settings) as connection:
            before = state_of(graph, definitions, connection, self.settings)
            held = held_tests(before, claims)
            for name in TESTS:
                uid = f"test.p.{name}"
                if uid in held:
                    found[name] = True
                    continue
                compiled, rows = self.project.sql(name), None
                try:
                    rows = len(connection.execute(executable(compiled)).fetchall())
                except duckdb.Error:
                    assert missing
                status = "pass" if rows == 0 else "fail"
                found[name] = rows == 0
                outcomes.append({"unique_id": uid, "status": status, "compiled_code": compiled})
            after = state_of(graph, definitions, connection, self.settings)
        now = Witness(Run(f"{self.runs}", self.day), models).after_tests(
            before, after, claims, outcomes
        )
        write_claims(self.store, OF_TESTS, f"{self.runs}", now)
        return found

    def judge_expectations(self) -> dict[str, bool]:
        claims, judged = read_claims(self.store, EXPECTATIONS), {}
        with connect(self.settings) as connection:
            prints = fingerprints(connection, self.settings, SUITES)
            held = held_results(SUITES, prints, claims)
            for suite in SUITES:
                [expectation] = suite.expectations
                if (key := key_of(expectation)) not in held:
                    met = self.met(connection, suite)
                    judged[key] = Result(expectation, success=met, error=None)
        now = {key: claim for key, (_, claim) in held.items()}
        now |= claims_of(judged.values(), prints, Run(f"{self.runs}", self.day))
        write_claims(self.store, EXPECTATIONS, f"{self.runs}", now)
        return dict.fromkeys(held, True) | {key: bool(r.success) for key, r in judged.items()}

    def met(self, connection: duckdb.DuckDBPyConnection, suite: Suite) -> bool:
        query = failing_rows(suite.expectations[0], suite, "raw")
        try:
            return not connection.execute(executable(query)).fetchall()
        except duckdb.Error:
            return False

    def compare(self, missing: set[str], found: dict[str, bool]) -> None:
        """With all made anew from the same raw tables, in another database."""
        with connect(self.settings) as connection, duckdb.connect(":memory:") as anew:
            anew.execute("attach ':memory:' as warehouse; use warehouse")
            setup(anew, self.day)
            for schema, name in (*(("raw", name) for name in RAW), ("hidden", "notes")):
                rows = connection.execute(f"select * from {schema}.{name}").to_arrow_table()
                anew.execute(f"create or replace table {schema}.{name} as select * from rows")
            for model in self.project.graph().models:
                if model.name in missing:
                    continue
                self.project.make(anew, model.name)
                query = f"select * from marts.{model.name} order by all"
                right = anew.execute(query).fetchall()
                assert connection.execute(query).fetchall() == right, model.name
            if missing:
                return  # what is about them is about what an earlier run made
            for name in TESTS:
                rows = anew.execute(executable(self.project.sql(name))).fetchall()
                assert found[name] == (not rows), name
            for suite in SUITES:
                key = key_of(suite.expectations[0])
                assert found[key] == self.met(anew, suite), key


class NightsOfALake(Nights):
    destination = "ducklake"


@pytest.mark.parametrize(("nights", "share"), [(Nights, 1.0), (NightsOfALake, 0.1)])
def test_what_holds_is_what_a_full_run_would_make(monkeypatch, nights, share):
    monkeypatch.setattr(stack.held, "today", stack.held.today)
    examples = max(2, int(settings.default.max_examples * share))
    run_state_machine_as_test(
        nights, settings=settings(max_examples=examples, stateful_step_count=20)
    )


CHANGES = {
    "rows": lambda nights: nights.enter(2, 1, 3),
    "columns": lambda nights: nights.widen("entries"),
    "SQL of a model": lambda nights: nights.edit("by_client", 1),
    "SQL of a view": lambda nights: nights.edit("stg_clients", 1),
    "a macro": lambda nights: nights.edit_macro(MACROS[1]),
    "a variable": lambda nights: nights.edit_var(4),
    "kind": lambda nights: nights.edit_kind("by_client", "view"),
    "the day": lambda nights: nights.days_pass(2),
    "a table that dbt doesn't know": lambda nights: nights.note(),
    "a table is gone": lambda nights: nights.drop("by_client"),
    "a table by hand": lambda nights: nights.empty("by_client"),
    "a view by hand": lambda nights: nights.empty("stg_entries"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_alone_is_noticed(monkeypatch, change):
    """Whose effects the random nights meet only by chance."""
    monkeypatch.setattr(stack.held, "today", stack.held.today)
    nights = Nights()
    nights.edit("stg_entries", 1)
    nights.name(1, "'a'")
    nights.enter(1, 1, 3)
    nights.daily()
    CHANGES[change](nights)
    assert nights.night() == set()
    nights.teardown()


def test_tests_alone_notice_a_view_that_was_edited_by_hand(monkeypatch):
    monkeypatch.setattr(stack.held, "today", stack.held.today)
    nights = Nights()
    nights.daily()
    assert nights.judge_tests(set())["not_so_old"]
    nights.write(
        "create or replace view marts.recent as select 1 as k, date '2030-01-01' as seen_on"
    )
    assert not nights.judge_tests(set())["not_so_old"]
    nights.teardown()


def test_a_night_without_news_makes_and_judges_nothing_but_what_can_not_be_told(monkeypatch):
    monkeypatch.setattr(stack.held, "today", stack.held.today)
    nights = Nights()
    nights.enter(1, 1, 1)
    nights.daily()
    nights.daily()
    nights.edit("elsewhere", 1)
    nights.daily()
    nights.daily()
    nights.enter(2, 1, 1)
    nights.daily()
    nights.teardown()
    # `elsewhere` reads a table that dbt doesn't know, as long as it does.
    assert nights.said[:4] == [(0, 8), (7, 1), (7, 1), (8, 0)]
    held, _ = nights.said[4]
    assert held == 3  # the views


def test_a_run_over_midnight_leaves_no_claim_about_what_reads_the_date(monkeypatch):
    monkeypatch.setattr(stack.held, "today", stack.held.today)
    nights = Nights()
    nights.enter(1, 1, 1)
    nights.daily()
    yesterday = nights.day - timedelta(days=1)
    with connect(nights.settings, read_only=True) as connection:
        graph, definitions = nights.project.graph(), nights.project.definitions()
        state = state_of(graph, definitions, connection, nights.settings)
    outcomes = [
        {"unique_id": m.unique_id, "status": "success", "compiled_code": nights.project.sql(m.name)}
        for m in graph.models
    ]
    claims = Witness(Run("over midnight", yesterday), {}).after_models(state, state, outcomes)
    nights.teardown()
    assert {uid.rpartition(".")[2] for uid in claims} == set(MODELS) - {
        "recent",
        "ages",
        "elsewhere",
    }

"""A selection with a typo is refused with the nearest name before anything runs."""

import pytest

from stack.dbt_artifacts import Node
from stack.target_models import UnknownModelError, check_target_models
from support.dbt import manifest, node


def model(name: str, layer: str, *tags: str) -> Node:
    return node(f"model.freelancer.{name}", fqn=["freelancer", layer, name], tags=tags)


MANIFEST = manifest(
    model("revenue_by_month", "marts", "nightly"),
    model("cash_in", "marts"),
    node("test.freelancer.unique_x", fqn=["x"]),
    node("source.freelancer.books.books_invoices", source_name="books"),
)


@pytest.mark.parametrize(
    "selection",
    [
        "revenue_by_month",
        "+revenue_by_month cash_in+",
        "2+cash_in+1,tag:nightly",
        "@cash_in",
        "marts",
        "freelancer.marts.*",
        "fqn:cash_*",
        "path:models/marts",
        "models/marts/cash_in.sql",
        "config.materialized:table",
        "source:books.books_invoices+",
        "source:books+",
        "  cash_in  ",
    ],
)
def test_what_dbt_would_select_is_accepted(selection):
    check_target_models(selection, MANIFEST)


@pytest.mark.parametrize(
    ("selection", "named", "suggested"),
    [
        ("revenue_by_mont", "'revenue_by_mont'", "did you mean revenue_by_month?"),
        ("cash_in +revnue_by_month+", "'revnue_by_month'", "did you mean revenue_by_month?"),
        ("cash_in,tag:nightlly", "'nightlly'", "did you mean nightly?"),
        ("tga:nightly", "'tga'", "did you mean tag?"),
        ("source:books.books_invoice+", "'books.books_invoice'", "books.books_invoices?"),
        ("zzz", "'zzz'", "there are cash_in, revenue_by_month"),
        ("unique_x", "'unique_x'", "there are cash_in, revenue_by_month"),
    ],
)
def test_an_unknown_name_is_named_with_the_nearest_one(selection, named, suggested):
    with pytest.raises(UnknownModelError) as refused:
        check_target_models(selection, MANIFEST)
    assert named in str(refused.value)
    assert suggested in str(refused.value)


@pytest.mark.parametrize("selection", ["--full-refresh", "cash_in --exclude marts", ",", "+"])
def test_what_is_no_selection_never_reaches_dbt(selection):
    with pytest.raises(UnknownModelError, match="no selection"):
        check_target_models(selection, MANIFEST)


def test_without_a_manifest_only_the_form_is_checked():
    check_target_models("anything+", None)
    with pytest.raises(UnknownModelError, match="method"):
        check_target_models("tga:x", None)

"""Licences of the locked packages."""

from email.message import Message

import pytest

from ingestion.settings import AirbyteSettings
from scripts.chart_values_page import ROOT
from scripts.licences import FILE, Allowed, LicenceError, check, installed, look, said_by
from stack.declarations import load_declaration
from stack.settings import load_settings

ALLOWED = Allowed(
    licences=["MIT", "Apache-2.0"],
    names={"MIT License": "MIT"},
    packages={"odd": {"licence": "GPL-2.0-only", "why": "a tool"}},
)


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ("MIT", True),
        ("MIT License", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (GPL-3.0-only OR Apache-2.0)", True),
        ("(MIT OR GPL-3.0-only) AND (Apache-2.0)", True),
        ("(MIT AND GPL-3.0-only) OR GPL-2.0-only", False),
        ("GPL-3.0-only", False),
        ("", False),
    ],
)
def test_an_expression_is_allowed_by_its_parts(said, allowed):
    [found] = look([("x", "1", said)], ALLOWED)
    assert found.allowed == allowed
    if not allowed:
        with pytest.raises(LicenceError, match=r"nobody allowed: x \("):
            check([found])


def test_a_package_apart_is_told_with_the_reason():
    [found] = look([("odd", "1", "GPL")], ALLOWED)
    assert (found.licence, found.allowed, found.why) == ("GPL-2.0-only", True, "a tool")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            [("License-Expression", "MIT"), ("Classifier", "License :: OSI Approved :: Other")],
            "MIT",
        ),
        (
            [("Classifier", "License :: OSI Approved :: MIT License"), ("License", "x")],
            "MIT License",
        ),
        ([("Classifier", "License :: OSI Approved"), ("License", "BSD\nall of it")], "BSD"),
        ([], ""),
    ],
)
def test_what_a_package_says_itself(fields, said):
    metadata = Message()
    for name, value in fields:
        metadata[name] = value
    assert said_by(metadata) == said


def test_all_that_is_installed_is_allowed_and_no_exception_is_idle():
    allowed = load_declaration(FILE, Allowed)
    packages = installed(ROOT / "uv.lock", load_settings(AirbyteSettings).connectors)
    assert len(packages) > 200
    check(look(packages, allowed))
    assert set(allowed.packages) <= {name for name, *_ in packages}

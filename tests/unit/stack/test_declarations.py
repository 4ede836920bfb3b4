"""YAML and `.env` files mean what they show."""

import pytest
from pydantic import Field

from stack.declarations import Declaration, DeclarationError, load_declaration, load_yaml
from stack.settings import read_env_file


class Door(Declaration):
    width: int
    locks: tuple[str, ...] = ()


class House(Declaration):
    name: str
    code: int | None = Field(None, repr=False)
    doors: dict[str, Door] = Field(default_factory=dict)
    roof: int | tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "name: a\ndoors:\n  front:\n    width: wide\n",
            "4: doors.front.width: found 'wide', expec",
        ),
        ("name: a\ndoors: {front: {}}\n", "2: doors.front.width: found nothing, expected a value"),
        ("# a house\ncode: 1\n", "2: name: found nothing, expected a value"),
        ("name: a\n\nnmae: b\n", "3: nmae: found an unknown field, expected one of name, code"),
        ("name: a\nroof: flat\n", "2: roof: found 'flat', expected a whole number or a list"),
        ("name:\n  - a\n", "1: name: found a list, expected text"),
        ("name: a\ncode: 1\nname: b\n", "3: can't be read as YAML: found the key 'name' twice"),
        ("name: a\nsince: 2026-13-01\n", " can't be read as YAML: month must be in 1..12"),
        ("", " found nothing, expected a mapping"),
    ],
)
def test_a_mistake_is_one_line_with_file_line_and_field(tmp_path, text, told):
    file = tmp_path / "house.yml"
    file.write_text(text)
    with pytest.raises(DeclarationError) as error:
        load_declaration(file, House)
    assert str(error.value).startswith(f"{file}:{told}")
    assert "\n" not in str(error.value)


def test_every_mistake_of_a_file_is_told_at_once_but_no_secret(tmp_path):
    file = tmp_path / "house.yml"
    file.write_text("name: 7\ncode: hunter2\n")
    with pytest.raises(DeclarationError, match=r"house\.yml:1: name: .*; line 2: code: ") as error:
        load_declaration(file, House)
    assert "hunter2" not in str(error.value)


def test_merged_keys_are_no_doubles():
    assert load_yaml("base: &b {x: 1, y: 2}\nc: {<<: *b, x: 3}\n")["c"] == {"x": 3, "y": 2}


def test_single_quotes_in_an_env_file_are_literal(tmp_path, monkeypatch):
    monkeypatch.setenv("HOST", "db")
    file = tmp_path / ".env"
    file.write_text("A='p${HOST}w'\nB=\"at ${HOST}\"\nexport C=${HOST}:1 # note\nD='it''s'\n")
    found = read_env_file(file)
    assert (found["A"], found["B"], found["C"]) == ("p${HOST}w", "at db", "db:1")

"""YAML and `.env` files mean what they show."""

import pytest
import yaml

from stack.declarations import load_yaml
from stack.settings import read_env_file


def test_a_key_that_is_there_twice_is_refused_with_its_line():
    with pytest.raises(yaml.YAMLError, match=r"found the key 'b' twice") as error:
        load_yaml("a: 1\nc:\n  b: 1\n  b: 2\n")
    assert "line 4, column 3" in str(error.value)


def test_merged_keys_are_no_doubles():
    assert load_yaml("base: &b {x: 1, y: 2}\nc: {<<: *b, x: 3}\n")["c"] == {"x": 3, "y": 2}


def test_single_quotes_in_an_env_file_are_literal(tmp_path, monkeypatch):
    monkeypatch.setenv("HOST", "db")
    file = tmp_path / ".env"
    file.write_text("A='p${HOST}w'\nB=\"at ${HOST}\"\nexport C=${HOST}:1 # note\nD='it''s'\n")
    found = read_env_file(file)
    assert (found["A"], found["B"], found["C"]) == ("p${HOST}w", "at db", "db:1")

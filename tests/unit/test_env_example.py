"""`.env.example` is complete and matches the settings classes."""

import re

from scripts.env_example import FILE, render, settings_classes


def test_it_is_what_make_docs_writes():
    assert FILE.read_text() == render(), "run `make docs`"


def test_every_variable_of_every_class_is_in_it_once_with_a_description():
    variables = re.findall(r"^# (.+)\n# ([A-Z][A-Z0-9_]+)=", render(), re.MULTILINE)
    names = [name for _, name in variables]
    assert len(names) == len(set(names))
    assert set(names) == {n.upper() for cls in settings_classes() for n in cls.model_fields}
    assert all(len(description) > 5 for description, _ in variables)


def test_the_file_as_it_is_changes_nothing(monkeypatch, stack_home):
    assert not re.search(r"^[^#\n]", FILE.read_text(), re.MULTILINE)

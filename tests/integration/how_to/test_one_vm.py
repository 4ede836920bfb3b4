"""The how-to page about one VM, as far as a container allows."""

import re

from scripts.env_example import settings_classes
from stack.commands import COMMANDS
from stack.service.cli import service
from support.how_to import Copy
from support.stack_process import ROOT

PAGE = "one-vm.md"
TEXT = (ROOT / "docs/how-to" / PAGE).read_text()


def test_the_settings_of_the_page_are_those_of_the_service(tmp_path):
    copy = Copy.make(tmp_path / "checkout")
    shown = copy.follow(PAGE)
    assert f"WorkingDirectory={copy.root}" in shown
    assert (copy.root / ".env").is_file()
    read = copy.python(
        "from stack.settings import StackSettings, load_settings as l; "
        "from ingestion.settings import BackupSettings as B, BooksSettings as K; "
        "print(l(StackSettings).dagster_env, l(K).books_url, l(B).backup_keep_days)"
    )
    assert read.split() == ["prod", "/srv/books", "30"]


def test_each_variable_and_command_of_the_page_is_one_of_the_stack():
    """Those of messages are told where `stack notify` is there."""
    block = re.search(r"```ini \.env\n(.*?)```", TEXT, re.DOTALL)
    variables = set(re.findall(r"^([A-Z_]+)=", block[1], re.MULTILINE))
    commands = set(re.findall(r"(?:^|\.venv/bin/)stack ([a-z-]+) ?([a-z]*)", TEXT, re.MULTILINE))
    assert {name for name, _ in commands} >= {"service", "backup", "restore", "notify"}
    if "notify" not in COMMANDS:
        variables = {name for name in variables if not name.startswith("NOTIFY_")}
        commands -= {("notify", "test")}
    assert not variables - {n.upper() for cls in settings_classes() for n in cls.model_fields}
    assert not {name for name, _ in commands} - COMMANDS.keys()
    assert {part for name, part in commands if name == "service"} <= service.commands.keys()

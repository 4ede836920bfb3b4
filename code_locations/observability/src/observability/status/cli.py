"""`stack status`: one screen, and an exit code for scripts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from observability.facts.looking import look
from observability.messages.standing import standing
from observability.messages.state import new_state
from observability.messages.store import Store
from observability.status.document import document_of
from observability.status.screen import print_status
from observability.status.verdict import verdict_of
from stack.automation import opened_instance


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
def status(as_json: bool) -> int:
    """Say how the stack is: last night, what is stale, what waits, what comes next.

    Exit code 0: all is well; 1: something needs a person; 2: that can't be told.
    """
    with opened_instance() as instance:
        facts = look(instance)
        kept = Store(instance).read() or new_state(datetime.now(UTC))
    verdict = verdict_of(facts, standing(facts, kept, facts.at))
    if as_json:
        click.echo(json.dumps(document_of(facts, verdict), ensure_ascii=False, indent=1))
    else:
        from rich.console import Console

        print_status(Console(), facts, verdict)
    return verdict.state.exit_code

"""`stack backup`, `stack restore` and `stack backup-key`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingestion.settings import BackupSettings
from stack.settings import StackSettings, load_settings

if TYPE_CHECKING:
    from ingestion.backup.place import Place


@click.command()
@click.argument("where", required=False)
@click.option("--list", "listing", is_flag=True, help="Make none; list those that there are.")
def backup(where: str | None, listing: bool) -> None:
    """Save the whole stack into WHERE, while runs go on.

    A file, a folder (with / at its end), or either as s3://…; default: BACKUP_URL. It doesn't
    include passwords and .env.
    """
    from ingestion.backup.making import make
    from ingestion.backup.place import place
    from stack.automation import opened_instance

    to = place(where)
    if listing:
        for stored in to.backups():
            click.echo(f"{stored.name}  {stored.size / 1e6:,.1f} MB")
        return
    with opened_instance() as instance:
        made = make(instance, to, click.echo)
    for path, why in made.left_out.items():
        click.echo(f"left out: {path}: {why}")
    for name in made.pruned:
        click.echo(f"deleted, too old: {name}")
    click.echo(
        f"{made.url}: {made.files:,} files, {made.size / 1e6:,.1f} MB before they were packed"
    )


@click.command()
@click.argument("source", required=False)
@click.option("--check", "only_check", is_flag=True, help="Read all of it, and change nothing.")
@click.option("--replace", is_flag=True, help="Move what is in STACK_HOME aside.")
@click.option("--once", is_flag=True, help="Do nothing in a stack that was restored before.")
@click.option(
    "--identity", type=click.Path(exists=True, dir_okay=False), help="File of the secret key."
)
def restore(
    source: str | None, only_check: bool, replace: bool, once: bool, identity: str | None
) -> None:
    """Restore the backup SOURCE into this stack, which must be empty.

    A file or URL, or a name in BACKUP_URL; default: the newest there.
    """
    from ingestion.backup import restoring
    from stack.automation import instance_opener
    from stack.backups import TESTED, note
    from stack.one_machine.home import DAGSTER_FOLDER, while_restoring
    from stack.one_machine.lock import single_run

    key = _identity(identity)
    home = load_settings(StackSettings).stack_home
    open_instance = instance_opener()
    with while_restoring():
        if once and (former := restoring.restored_before(open_instance)):
            click.echo(f"restored before, from the backup {former}; nothing to do")
            return
        backup_ = _source(source)
        if only_check:
            done = restoring.check(backup_, key)
            click.echo(f"{backup_.url} is whole: {done.files:,} files, {done.size / 1e6:,.1f} MB")
            if os.environ.get("DAGSTER_HOME") or (home / DAGSTER_FOLDER).exists():
                with open_instance() as instance:
                    note(instance, TESTED, done.size)
            return
        with single_run(home):
            done = restoring.restore(backup_, key, open_instance, click.echo, replace=replace)
    if done.ended:
        click.echo(f"{done.ended} runs were in progress or waited then, and are canceled now")
    click.echo(f"restored: the stack is as of {done.made_at:%Y-%m-%d %H:%M:%S} UTC")


def _identity(file: str | None) -> str | None:
    if file is not None:
        found = re.search(r"AGE-SECRET-KEY-\w+", Path(file).read_text())
        return found[0] if found else ""
    secret = load_settings(BackupSettings).backup_identity
    return secret.get_secret_value() if secret else None


def _source(named: str | None) -> Place:
    from ingestion.backup.place import NEWEST, place

    if named is not None and ("/" in named or Path(named).exists()):
        found = place(named)
        return found.newest() if found.is_folder else found
    folder = place(None)
    return folder.newest() if named in {None, NEWEST} else folder.named(str(named))


@click.command()
def backup_key() -> None:
    """Make a key pair for encrypted backups, and print it."""
    from ingestion.backup.age import new_key_pair

    pair = new_key_pair()
    click.echo("# Where backups are made:")
    click.echo(f"BACKUP_RECIPIENT={pair.recipient}")
    click.echo("# Kept elsewhere, safe and secret; without it, backups can't be restored:")
    click.echo(f"BACKUP_IDENTITY={pair.identity}")

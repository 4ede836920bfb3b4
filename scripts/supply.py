"""The supply-chain commands: `python -m scripts.supply attest|audit|licences|pin`."""

from __future__ import annotations

import sys

import click

from scripts.attest import attest_command
from scripts.audit import audit_command
from scripts.licences import licences_command
from scripts.pin_images import pin_command
from stack.errors import StackError

COMMANDS = {
    "attest": attest_command,
    "audit": audit_command,
    "licences": licences_command,
    "pin": pin_command,
}
supply = click.Group("supply", COMMANDS, help="What the images and the chart are made of.")


if __name__ == "__main__":
    try:
        supply.main(prog_name="supply")
    except StackError as error:
        click.echo(f"supply: {error}", err=True)
        sys.exit(2)

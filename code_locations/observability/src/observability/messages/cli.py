"""`stack notify`: the channels, and a test message by each. `stack incidents`: what is wrong."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import uuid4

import click

from observability.facts.looking import look
from observability.incidents.model import Severity
from observability.messages.channels import APP, ChannelError, Parcel, send
from observability.messages.outbox import is_failing
from observability.messages.routing import Route, routes
from observability.messages.standing import standing
from observability.messages.state import ChannelState, new_state
from observability.messages.store import Store
from observability.messages.telling import utc_now
from observability.messages.text import duration, incident_line
from observability.settings import NotifySettings
from stack.automation import opened_instance
from stack.errors import StackError
from stack.settings import load_settings

FAILED = 2


class NoChannelError(StackError):
    """No channel is configured, or none of that name."""


@click.group(invoke_without_command=True)
@click.pass_context
def notify(context: click.Context) -> None:
    """List the channels, what waits for each, and which of them fail."""
    if context.invoked_subcommand is not None:
        return
    channels = _configured()
    with opened_instance() as instance:
        state = Store(instance).read()
    known = state.channels if state else {}
    now = utc_now()
    for route in channels:
        click.echo(_line(route, known.get(route.name, ChannelState()), now))


@notify.command()
@click.option("--channel", "only", help="Only this one, by its name in `stack notify`.")
def test(only: str | None) -> int:
    """Send a test message by each channel, and say what came of it; exit code 2 if one failed."""
    channels = [route for route in _configured() if only in {None, route.name}]
    if not channels:
        names = ", ".join(route.name for route in _configured())
        raise NoChannelError(f"channel {only}", found="none of that name", expected=names)
    parcel = Parcel(
        id=f"test-{uuid4().hex}",
        title=f"A test of the {APP}",
        text="This channel works: what goes wrong will be told here.",
    )
    failed = 0
    for route in channels:
        try:
            send(route, parcel)
        except ChannelError as error:
            failed += 1
            click.echo(str(error))
        else:
            click.echo(f"{route.name}: sent")
    return FAILED if failed else 0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def incidents(as_json: bool) -> None:
    """List what is wrong now, the worst first."""
    with opened_instance() as instance:
        facts = look(instance)
        state = Store(instance).read() or new_state(facts.at)
    listed = standing(facts, state, facts.at)
    if as_json:
        told = [i.finding.model_dump(mode="json") for i in listed]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    keys = {one.finding.key for one in listed}
    for one in listed:
        if one.finding.follows not in keys:
            click.echo(f"{one.finding.severity:<7}  {incident_line(one, facts.at)}")
            with_it = [i for i in listed if i.finding.follows == one.finding.key]
            for effect in with_it:
                click.echo(f"{'':<7}    with it: {effect.finding.subject}")
    for part, why in sorted(facts.unknown.items()):
        click.echo(f"not looked at: {part}: {why}")
    if not listed:
        click.echo("Nothing is known to be wrong.")


def _configured() -> tuple[Route, ...]:
    found = routes(load_settings(NotifySettings))
    if not found:
        raise NoChannelError(
            "messages",
            found="no channel",
            next_step="set NOTIFY_URLS in the environment or .env; docs/messages.md tells how",
        )
    return found


def _line(route: Route, channel: ChannelState, now: datetime) -> str:
    wants = "everything" if route.severity is Severity.INFO else f"{route.severity} and worse"
    whose = f" of {', '.join(route.owners)}" if route.owners else ""
    told = f"{route.name}: {wants}{whose}; {channel.sent_total} sent, {len(channel.queue)} wait"
    if channel.failing_since is None:
        return told
    word = "fails" if is_failing(channel) else "failed"
    lasted = duration((now - channel.failing_since).total_seconds())
    return f"{told}; {word} since {lasted}: {channel.error}"

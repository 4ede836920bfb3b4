"""What one look at the folder of alerts does: reject, archive, and choose which runs to start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import Field

from stack.alerts import Alert
from stack.errors import reason
from stack.remediation.handling import Handling, seen
from stack.remediation.inbox import AlertFile, Inbox, MalformedAlertError
from stack.remediation.policy import reason_to_leave
from stack.sensors import SensorCursor

FILES_A_TICK = 100
RUNS_A_TICK = 10


class Cursor(SensorCursor):
    """The last file looked at, and the version of each file that wasn't an alert then.

    Someone may still be writing it, so it is rejected only if the next look finds it unchanged.
    """

    after: str = ""
    suspects: dict[str, str] = Field(default_factory=dict)


@dataclass
class Tick:
    """Alerts to remedy, a line for each thing done, and where the next tick resumes."""

    cursor: Cursor
    to_remedy: list[AlertFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def look(
    inbox: Inbox,
    cursor: Cursor,
    handling_of: Callable[[str], Handling | None],
    is_own: Callable[[Alert], bool],
) -> Tick:
    """Go through the next files of the folder; a bad one doesn't stop the others.

    Raises what the store raises if the folder can't be listed.
    """
    names = inbox.names()
    if names is None:
        return Tick(cursor, notes=["the folder doesn't exist yet"])
    # In rotation, so that many files that can't be handled never hide the rest.
    turned = [n for n in names if n > cursor.after] + [n for n in names if n <= cursor.after]
    chosen = turned[:FILES_A_TICK]
    suspects = {n: v for n, v in cursor.suspects.items() if n in names and n not in chosen}
    tick = Tick(Cursor(after=cursor.after, suspects=suspects))
    last = cursor.after
    for name in chosen:
        if len(tick.to_remedy) == RUNS_A_TICK:
            suspects |= {n: v for n, v in cursor.suspects.items() if n in chosen and n > last}
            break
        last = name
        try:
            file = inbox.read(name)
            _sort(file, inbox, handling_of, is_own, tick)
        except MalformedAlertError as error:
            if cursor.suspects.get(name) == error.version:
                _reject(inbox, name, error, suspects, tick)
            else:
                suspects[name] = error.version
                tick.notes.append(f"{name}: {error}; rejected if it stays so")
        except FileNotFoundError:
            continue  # someone removed it
        except Exception as error:
            tick.notes.append(f"{name} can't be handled now: {reason(error)}")
    tick.cursor = Cursor(after=last, suspects=suspects)
    return tick


def _sort(
    file: AlertFile,
    inbox: Inbox,
    handling_of: Callable[[str], Handling | None],
    is_own: Callable[[Alert], bool],
    tick: Tick,
) -> None:
    handling = handling_of(file.key)
    if handling is None:
        reason = reason_to_leave(file.alert)
        if reason is None and is_own(file.alert):
            reason = "a remediation wrote it, and starts no other"
        if reason is None:
            tick.to_remedy.append(file)
            return
        handling = seen(reason)
    if handling.outcome is not None:
        inbox.archive(file, handling.as_json())
        tick.notes.append(f"{file.name}: {handling.outcome}")


def _reject(
    inbox: Inbox, name: str, error: MalformedAlertError, suspects: dict[str, str], tick: Tick
) -> None:
    try:
        inbox.reject(name, str(error))
        tick.notes.append(f"{name} rejected: {error}")
    except Exception as problem:
        suspects[name] = error.version
        tick.notes.append(f"{name} can't be rejected now: {reason(problem)}")

"""A channel: apprise's service for a URL, which takes a message or says why not."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from observability.incidents.model import Severity
from observability.messages.routing import Route
from stack.errors import StackError, one_line

if TYPE_CHECKING:
    from apprise import NotifyBase

_message_id: ContextVar[str] = ContextVar("message_id", default="")
APP = "Freelancer Data Stack"


class ChannelError(StackError):
    """A channel's URL is invalid, or it didn't take a message; one line without a secret."""


@dataclass(frozen=True)
class Parcel:
    """What is sent. `id` is the same on every attempt; in mail it becomes the Message-ID."""

    id: str
    title: str
    text: str
    html: str = ""
    thread: str = ""
    severity: Severity = Severity.INFO


def send(route: Route, parcel: Parcel) -> None:
    """Hand a parcel to the channel of `route`. Raises ChannelError if it isn't taken."""
    from apprise import LogCapture
    from apprise.common import NotifyFormat, NotifyType

    service = _service(route)
    _identify(service, parcel)
    html = parcel.html and _shows_html(service)
    told = NotifyType.FAILURE if parcel.severity is Severity.ERROR else NotifyType(parcel.severity)
    token = _message_id.set(parcel.id)
    quiet = logging.getLogger("apprise")
    propagates, quiet.propagate = quiet.propagate, False
    try:
        with LogCapture(  # type: ignore[no-untyped-call]
            level=logging.WARNING, fmt="%(message)s"
        ) as said:
            taken = service.notify(
                body=parcel.html if html else parcel.text,
                title=parcel.title,
                notify_type=told,
                body_format=NotifyFormat.HTML if html else NotifyFormat.TEXT,
            )
            why = one_line(said.getvalue().strip().rpartition("\n")[2], 300)
    except Exception as error:  # whatever an apprise plugin raises, the others are told
        taken, why = False, type(error).__name__
    finally:
        quiet.propagate = propagates
        _message_id.reset(token)
    if not taken:
        raise ChannelError(route.name, found=why or "it did not take the message")


def _service(route: Route) -> NotifyBase:
    from apprise import Apprise, AppriseAsset, OverflowMode

    asset = AppriseAsset(app_id="FreelancerDataStack", app_desc=APP)
    with_log = logging.getLogger("apprise")
    level = with_log.level
    with_log.setLevel(logging.CRITICAL)  # it would print the URL
    try:
        service = Apprise.instantiate(route.url.get_secret_value(), asset=asset)
    finally:
        with_log.setLevel(level)
    if service is None:
        raise ChannelError(
            route.name,
            found="a URL that apprise can't use",
            next_step="compare it with that service's page in apprise's documentation",
        )
    if "overflow=" not in route.url.get_secret_value():
        service.overflow_mode = OverflowMode.TRUNCATE  # Discord refuses messages that are too long
    return service


def _shows_html(service: Any) -> bool:
    """Mail does; Telegram's HTML, for example, has no tables."""
    from apprise.common import NotifyFormat
    from apprise.plugins.email.base import NotifyEmail

    mail = isinstance(service, NotifyEmail)
    return mail and service.resolve_format(NotifyFormat.HTML) == NotifyFormat.HTML


def _identify(service: Any, parcel: Parcel) -> None:
    """Make a second delivery recognisable, by headers of mails and webhooks."""
    from apprise.plugins.email.base import NotifyEmail

    _let_mails_have_our_id()
    if isinstance(getattr(service, "headers", None), dict):
        service.headers["X-Stack-Message"] = parcel.id
        if isinstance(service, NotifyEmail) and parcel.thread:
            domain = service.smtp_host or "localhost"
            service.headers["References"] = f"<{parcel.thread}@{domain}>"


def _let_mails_have_our_id() -> None:
    """apprise makes a new Message-ID each time, without a setting to change that."""
    base: Any = import_module("apprise.plugins.email.base")
    stock = base.make_msgid
    if getattr(stock, "is_ours", False):
        return

    def make_msgid(**options: Any) -> str:
        id_ = _message_id.get()
        return f"<{id_}@{options['domain']}>" if id_ else str(stock(**options))

    make_msgid.is_ours = True  # type: ignore[attr-defined]
    base.make_msgid = make_msgid

"""Which channels there are, and what each is told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from observability.incidents.model import Severity
from observability.messages.state import Message
from observability.settings import NotifySettings
from stack.declarations import resolve
from stack.problems import problem
from stack.redaction import remember
from stack.settings import SettingsError, environment_variables

_LIMITED = re.compile(rf"({'|'.join(Severity)})=")
# Shorter parts of a URL's path are words, not tokens.
_SHORTEST_TOKEN = 8


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(repr=False)
    name: str = Field(default="", pattern=r"^[a-z0-9_-]*$")
    severity: Severity = Severity.INFO
    owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """A channel by its name, which holds no secret, and what it is told: `severity` and worse.

    With `owners`, only what concerns a table of one of them.
    """

    name: str
    url: SecretStr
    severity: Severity = Severity.INFO
    owners: tuple[str, ...] = ()

    def wants(self, message: Message) -> bool:
        """Whether it should get a message."""
        mine = not self.owners or bool(set(self.owners) & set(message.owners))
        return mine and message.severity.rank >= self.severity.rank


def routes(settings: NotifySettings) -> tuple[Route, ...]:
    """The routes of NOTIFY_URLS, then of NOTIFY_ROUTES. Raises SettingsError, naming no URL."""
    declared = [*_of_urls(settings), *_of_routes(settings)]
    names = Counter[str]()
    found = []
    for one in declared:
        _keep_secret(one.url)
        name = one.name or one.url.partition(":")[0].lower()
        names[name] += 1
        name = name if names[name] == 1 else f"{name}-{names[name]}"
        found.append(Route(name, SecretStr(one.url), one.severity, one.owners))
    return tuple(found)


def _of_urls(settings: NotifySettings) -> list[_Declared]:
    found = []
    for number, word in enumerate(_secret(settings.notify_urls).split(), start=1):
        limited = _LIMITED.match(word)
        url = word[limited.end() :] if limited else word
        if not re.match(r"[a-zA-Z0-9]+://", url):
            raise SettingsError(
                f"NOTIFY_URLS: its {number}. part is no URL",
                expected="such as mailtos://user:password@smtp.example.com?to=me@example.com",
                next_step="docs/messages.md has more; write a space or # in one as %20 or %23",
            )
        found.append(
            _Declared(url=url, severity=Severity(limited[1]) if limited else Severity.INFO)
        )
    return found


def _of_routes(settings: NotifySettings) -> list[_Declared]:
    text = _secret(settings.notify_routes)
    if not text:
        return []
    try:
        declared = TypeAdapter(list[_Declared]).validate_json(text)
    except ValidationError as error:
        item = error.errors()[0]
        where = ".".join(map(str, item["loc"])) or "it"
        found, expected = problem({**item, "loc": item["loc"][1:]}, _Declared)
        told = f"{found}{expected}" if item["loc"] else "found no JSON, expected a list"
        raise SettingsError(f"NOTIFY_ROUTES: {where}: {told}") from None
    variables = environment_variables()
    return [_resolved(one, variables) for one in declared]


def _resolved(one: _Declared, variables: Mapping[str, str]) -> _Declared:
    return one.model_copy(update={"url": resolve(one.url, variables, "NOTIFY_ROUTES")})


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


def _keep_secret(url: str) -> None:
    """Mask the URL, and each part of it that may be a token, in all output of the process."""
    remember(url)
    parts = urlsplit(url)
    tokens = [*parts.path.split("/"), *re.findall(r"(?:pass|password|token|key|secret)=([^&]+)",
                                                  parts.query)]  # fmt: skip
    for token in (parts.username or "", *tokens):
        if len(token) >= _SHORTEST_TOKEN:
            remember(unquote(token))

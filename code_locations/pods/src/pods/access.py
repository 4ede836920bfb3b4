"""Who sent a request, and which role they have."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pods.http import Headers, Refusal
from pods.roles import Role

RoleName = Literal["viewer", "operator", "admin"]


class AccessSettings(BaseSettings):
    """How the webserver identifies users, from WEBSERVER_… variables.

    `auth` none: everybody is an admin. `basic`: the users admin, operator and viewer, each with a
    password. `proxy`: an authenticating proxy names the user and the groups that give the role, and
    proves itself with `proxy_secret`.
    """

    model_config = SettingsConfigDict(env_prefix="WEBSERVER_", env_ignore_empty=True, frozen=True)

    auth: Literal["none", "basic", "proxy"] = "none"
    admin_password: SecretStr | None = None
    operator_password: SecretStr | None = None
    viewer_password: SecretStr | None = None
    proxy_secret: SecretStr | None = None
    role_groups: dict[RoleName, list[str]] = Field(default_factory=dict)
    default_role: RoleName | None = None

    @model_validator(mode="after")
    def _has_its_secret(self) -> AccessSettings:
        needed = {"basic": "admin_password", "proxy": "proxy_secret"}.get(self.auth)
        if needed and getattr(self, needed) is None:
            raise ValueError(
                f"WEBSERVER_AUTH={self.auth} needs WEBSERVER_{needed.upper()}, which is not set"
            )
        return self

    @property
    def passwords(self) -> dict[Role, str]:
        """Passwords of the users, who are named after their role."""
        given = {role: getattr(self, f"{role.name.lower()}_password") for role in Role}
        return {role: secret.get_secret_value() for role, secret in given.items() if secret}


@dataclass(frozen=True)
class Identity:
    """An identified user, and what they may do."""

    user: str
    role: Role


ANYBODY = Identity("anybody", Role.ADMIN)
_LOGIN = Refusal(
    401,
    "a user and a password are needed: admin, operator or viewer, as the release's notes say",
    (("WWW-Authenticate", 'Basic realm="Freelancer Data Stack", charset="UTF-8"'),),
)
_NOT_THE_PROXY = Refusal(
    401, "this server is reached through its login only: open the UI's own URL"
)


class Access:
    """Identifies users according to the settings."""

    def __init__(self, settings: AccessSettings) -> None:
        self._settings = settings

    def of(self, headers: Headers) -> Identity | Refusal:
        """The user who sent a request, or why it is refused."""
        if self._settings.auth == "none":
            return ANYBODY
        by_proxy = self._settings.auth == "proxy"
        given = _credentials(headers.one("authorization"), by_proxy=by_proxy)
        if self._settings.auth == "basic":
            return self._by_password(*given) if given else _LOGIN
        secret = self._settings.proxy_secret
        if not given or not secret or not _same(given[1], secret.get_secret_value()):
            return _NOT_THE_PROXY
        return self._by_groups(headers)

    def _by_password(self, user: str, password: str) -> Identity | Refusal:
        for role, held in self._settings.passwords.items():
            if user == role.name.lower() and _same(password, held):
                return Identity(user, role)
        return _LOGIN

    def _by_groups(self, headers: Headers) -> Identity | Refusal:
        user = _text(headers.one("x-forwarded-email") or headers.one("x-forwarded-user"))
        groups = set(_text(headers.one("x-forwarded-groups")).split(","))
        role = self._role_of(groups)
        if not user or role is None:
            return Refusal(
                403,
                f"{user or 'this account'} may not use this server: none of its groups has a role "
                "here; ask whoever runs it",
            )
        return Identity(user, role)

    def _role_of(self, groups: Iterable[str]) -> Role | None:
        named = self._settings.role_groups
        found = [Role[name.upper()] for name, held in named.items() if set(held) & set(groups)]
        default = self._settings.default_role
        return max(found, default=Role[default.upper()] if default else None)


def _credentials(header: str | None, *, by_proxy: bool) -> tuple[str, str] | None:
    """User and password of a Basic Authorization header."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        return None
    # A provider's user names may contain colons; the proxy's secret doesn't.
    user, colon, password = text.rpartition(":") if by_proxy else text.partition(":")
    return (user, password) if colon else None


def _text(header: str | None) -> str:
    """A header's value in UTF-8; ASGI servers decode it as Latin-1."""
    return (header or "").encode("latin-1").decode(errors="replace")


def _same(given: str, held: str) -> bool:
    return hmac.compare_digest(given.encode(), held.encode())

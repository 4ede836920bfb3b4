"""Pull requests and commit statuses by GitHub's REST API, part of which gitea has too.

https://docs.github.com/en/rest/pulls/pulls: `GET` and `POST /repos/{owner}/{repo}/pulls`.
https://docs.github.com/en/rest/commits/statuses: `POST /repos/{owner}/{repo}/statuses/{sha}`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from scripts.promotion.images import PromotionError
from scripts.promotion.settings import PromotionSettings
from stack.errors import one_line
from stack.http import Answer, Client, NoAnswerError, shown

# GitHub refuses longer ones.
LONGEST_BODY = 65_536
LONGEST_STATUS = 140
WITHIN_S = 20.0
# A forge's API knows a branch only a moment after it was pushed.
KNOWN_WITHIN_S = 10.0
PER_PAGE = 50
HEADERS = {
    "Accept": "application/vnd.github+json",
    "User-Agent": "freelancer-data-stack",
}
_REFUSALS = {
    401: "it rejects the token; set a valid FORGE_TOKEN",
    403: "FORGE_TOKEN may not do this; it needs write access to pull requests and commit statuses",
    404: "no such repository, or one that FORGE_TOKEN may not see; check FORGE_REPOSITORY",
}


class ForgeError(PromotionError):
    """The forge refused; `known`: certainly nothing was done; `missing`: the branch isn't known."""

    def __init__(self, told: str, *, known: bool, missing: bool = False) -> None:
        self.known, self.missing = known, missing
        super().__init__(told)


@dataclass(frozen=True)
class Forge:
    """A repository on a forge."""

    url: str
    repository: str
    token: SecretStr

    @classmethod
    def of(cls, settings: PromotionSettings) -> Forge | None:
        """The forge in the settings; None without a token. Raises PromotionError."""
        if settings.forge_token is None:
            return None
        if settings.forge_repository is None:
            raise PromotionError("FORGE_TOKEN is set, but not FORGE_REPOSITORY: owner/name")
        return cls(settings.forge_url.rstrip("/"), settings.forge_repository, settings.forge_token)

    def find(self, branch: str, base: str) -> str:
        """The URL of a branch's open pull request; "" if there is none. Raises ForgeError."""
        owner = self.repository.partition("/")[0]
        page = 1
        while True:
            # gitea ignores `head` and returns all; GitHub filters by it.
            query = {
                "state": "open", "base": base, "head": f"{owner}:{branch}",
                "per_page": PER_PAGE, "limit": PER_PAGE, "page": page,
            }  # fmt: skip
            found = self._ask("GET", "pulls", params=query)
            for one in found:
                if one["head"]["ref"] == branch and one["base"]["ref"] == base:
                    return str(one["html_url"])
            if len(found) < PER_PAGE:
                return ""
            page += 1

    def open(self, branch: str, base: str, title: str, body: str) -> str:
        """Open a pull request; return its URL.

        If the answer is lost, or there already is one, it is looked up. Raises ForgeError.
        """
        wanted = {"title": title, "head": branch, "base": base, "body": _bounded(body)}
        ends = time.monotonic() + KNOWN_WITHIN_S
        while True:
            try:
                return str(self._ask("POST", "pulls", json=wanted)["html_url"])
            except ForgeError as error:
                if found := self._found(branch, base, error):
                    return found
                if not error.missing or time.monotonic() > ends:
                    raise ForgeError(str(error), known=True) from None
            time.sleep(0.5)

    def report(self, commit: str, context: str, state: str, told: str) -> None:
        """Set a commit's status; `state` is pending, success or failure. Raises ForgeError."""
        status = {"state": state, "context": context, "description": told[:LONGEST_STATUS]}
        self._ask("POST", f"statuses/{commit}", json=status)

    def _found(self, branch: str, base: str, failed: ForgeError) -> str:
        try:
            return self.find(branch, base)
        except ForgeError:
            if failed.known:
                return ""
            raise failed from None

    def _ask(self, method: str, what: str, **parts: Any) -> Any:
        client = Client(self.token, within_s=WITHIN_S, same_host=True)
        url = f"{self.url}/repos/{self.repository}/{what}"
        try:
            answer = client.send(method, url, headers=HEADERS, **parts)
        except NoAnswerError as error:
            raise ForgeError(f"{shown(url)}: {error}; run it again", known=False) from None
        said = answer.json()
        if answer.status in (200, 201) and isinstance(said, list if method == "GET" else dict):
            return said
        raise ForgeError(
            f"{shown(url)}: {_refusal(answer, said)}",
            known=400 <= answer.status < 500,
            missing=answer.status == 404,
        )


def _refusal(answer: Answer, said: Any) -> str:
    details: Mapping[str, Any] = said if isinstance(said, dict) else {}
    errors = [
        str(e.get("message") or f"{e.get('field')} {e.get('code')}")
        for e in details.get("errors") or ()
        if isinstance(e, dict)
    ]
    told = one_line(" ".join([str(details.get("message", answer.reason)), *errors]), 300)
    why = _REFUSALS.get(answer.status, "try again later" if answer.passes else "see why")
    return f"it answered {answer.status} {told}; {why}"


def _bounded(body: str) -> str:
    cut = "\n```\n\n(cut: a forge takes no longer one)"
    return body if len(body) <= LONGEST_BODY else body[: LONGEST_BODY - len(cut)] + cut

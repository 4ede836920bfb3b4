"""A gitea: repositories, pull requests and commit statuses, by its API."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from cluster.kube import wait_for
from stack.http import Client


@dataclass(frozen=True)
class Gitea:
    """Its address, and a user's login `name:password`."""

    url: str
    login: str

    @classmethod
    def of_environment(cls) -> Gitea:
        """The gitea of GITEA_URL and GITEA_LOGIN."""
        return cls(os.environ["GITEA_URL"].rstrip("/"), os.environ["GITEA_LOGIN"])

    @property
    def user(self) -> str:
        """The user's name."""
        return self.login.partition(":")[0]

    @property
    def password(self) -> str:
        """The user's password."""
        return self.login.partition(":")[2]

    def address(self, repository: str, *, login: bool = False) -> str:
        """The git URL of one of the user's repositories."""
        scheme, _, host = self.url.partition("://")
        return f"{scheme}://{f'{self.login}@' if login else ''}{host}/{self.user}/{repository}.git"

    def ask(self, method: str, path: str, **content: Any) -> tuple[int, Any]:
        """Status and content of the API's answer."""
        client = Client(login=(self.user, SecretStr(self.password)), timeout_s=60)
        answer = client.send(method, f"{self.url}/api/v1/{path}", json=content or None)
        return answer.status, answer.json()

    def new_repository(self, name: str) -> None:
        """Make an empty private one, replacing any other."""
        self.ask("DELETE", f"repos/{self.user}/{name}")
        status, said = self.ask("POST", "user/repos", name=name, private=True)
        assert status == 201, said

    def new_token(self) -> str:
        """A token with the user's own rights."""
        wanted = {"name": uuid.uuid4().hex, "scopes": ["all"]}
        status, said = self.ask("POST", f"users/{self.user}/tokens", **wanted)
        assert status == 201, said
        return str(said["sha1"])

    def open_pulls(self, repository: str) -> list[dict[str, Any]]:
        """Open pull requests."""
        _, found = self.ask("GET", f"repos/{self.user}/{repository}/pulls?state=open")
        return list(found)

    def open_pull(self, repository: str, branch: str, title: str) -> None:
        """Open a pull request; gitea refuses that until it has seen the branch."""
        path = f"repos/{self.user}/{repository}/pulls"

        def is_open() -> bool:
            self.ask("POST", path, head=branch, base="main", title=title)
            return bool(self.open_pulls(repository))

        wait_for(is_open, "the pull request", seconds=60)

    def merge(self, repository: str, number: int) -> None:
        """Merge a pull request; gitea refuses that until it has checked it."""
        path = f"repos/{self.user}/{repository}/pulls/{number}"

        def is_merged() -> bool:
            self.ask("POST", f"{path}/merge", Do="merge")
            return bool(self.ask("GET", path)[1]["merged"])

        wait_for(is_merged, "the merge", seconds=60)

    def status(self, repository: str, commit: str, context: str) -> tuple[str, str]:
        """State and description of a commit's newest status in a context."""
        _, found = self.ask("GET", f"repos/{self.user}/{repository}/commits/{commit}/statuses")
        (newest, *_) = [one for one in found if one["context"] == context]
        return newest["status"], newest["description"]

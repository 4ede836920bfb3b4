"""GitHub's pull requests and commit statuses for tests, of a real bare git repository.

Statuses are kept in the order in which they came. Pull requests, the list and a new one, are
as https://docs.github.com/en/rest/pulls/pulls and as GitHub does: 422 with the field for what is
missing or names no branch, for two branches without a commit between them, for a second open one of
the same branches and for a body that is too long; 403 for a token that may only read; one whose
branch is deleted is closed; `head` filters by `owner:branch` and is ignored without an owner.
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST_BODY = 65_536


@dataclass
class Pulls:
    """The pull requests of a repository, whose branches are those of `origin`."""

    repo: str
    origin: Path | None = None
    may_write: bool = True
    made: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)

    def set_status(self, sha: str, content: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to the POST of a commit's status."""
        wanted = json.loads(content)
        if not self._git("rev-parse", "--quiet", "--verify", f"{sha}^{{commit}}"):
            return 422, {"message": f"No commit found for SHA: {sha}", "status": "422"}
        if wanted["state"] not in ("error", "failure", "pending", "success"):
            return 422, {"message": "Validation Failed", "status": "422"}
        if len(wanted["description"]) > 140:
            return 422, {"message": "description is too long (maximum is 140 characters)"}
        self.statuses.append({"sha": sha, **wanted})
        return 201, self.statuses[-1]

    def listed(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """A page of them, the newest first."""
        wanted = {name: values[0] for name, values in query.items()}
        state, head = wanted.get("state", "open"), wanted.get("head", "")
        found = [
            pull
            for one in reversed(self.made)
            if (pull := self._now(one))
            if state in ("all", pull["state"])
            if ":" not in head or pull["head"]["label"] == head
            if wanted.get("base", pull["base"]["ref"]) == pull["base"]["ref"]
        ]
        size, page = min(int(wanted.get("per_page", 30)), 100), int(wanted.get("page", 1))
        return found[(page - 1) * size : page * size]

    def create(self, content: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to a POST."""
        try:
            wanted = json.loads(content)
        except ValueError:
            return 400, {"message": "Problems parsing JSON", "status": "400"}
        if not self.may_write:
            return 403, {"message": "Resource not accessible by personal access token"}
        problem = self._problem(wanted)
        if problem:
            return 422, {"message": "Validation Failed", "errors": [problem], "status": "422"}
        number = len(self.made) + 1
        owner, head = self.repo.split("/", maxsplit=1)[0], wanted["head"].rpartition(":")[2]
        pull = {
            "number": number,
            "html_url": f"https://github.com/{self.repo}/pull/{number}",
            "title": wanted["title"],
            "body": wanted.get("body"),
            "state": "open",
            "head": {"ref": head, "label": f"{owner}:{head}", "sha": self._sha(head)},
            "base": {"ref": wanted["base"], "sha": self._sha(wanted["base"])},
        }
        self.made.append(pull)
        return 201, pull

    def _problem(self, wanted: dict[str, Any]) -> dict[str, str] | None:
        told = {"resource": "PullRequest"}
        for name in ("title", "head", "base"):
            if not wanted.get(name):
                return told | {"field": name, "code": "missing_field"}
        head, base = wanted["head"].rpartition(":")[2], wanted["base"]
        for name, branch in (("head", head), ("base", base)):
            if not self._sha(branch):
                return told | {"field": name, "code": "invalid"}
        if len(wanted.get("body") or "") > LONGEST_BODY:
            message = f"body is too long (maximum is {LONGEST_BODY} characters)"
            return told | {"field": "body", "code": "custom", "message": message}
        if not self._git("rev-list", "--max-count=1", head, f"^{base}"):
            message = f"No commits between {base} and {head}"
            return told | {"code": "custom", "message": message}
        owner = self.repo.split("/", maxsplit=1)[0]
        if self.listed({"head": [f"{owner}:{head}"], "base": [base]}):
            message = f"A pull request already exists for {owner}:{head}."
            return told | {"code": "custom", "message": message}
        return None

    def _now(self, pull: dict[str, Any]) -> dict[str, Any]:
        sha = self._sha(pull["head"]["ref"])
        if not sha:
            pull["state"] = "closed"
        return pull if not sha else pull | {"head": pull["head"] | {"sha": sha}}

    def _sha(self, branch: str) -> str:
        return self._git("rev-parse", "--quiet", "--verify", f"refs/heads/{branch}")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.origin, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

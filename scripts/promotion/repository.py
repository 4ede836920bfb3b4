"""Git, as a promotion needs it: a commit on its own branch, made in a separate work tree.

The user's checkout is never touched, so nothing has to be restored after a failure.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.programs import ProgramError, output_of
from scripts.promotion.images import PromotionError, images_file

DEFAULT_BRANCH = "main"
ABSENT = "0" * 40
_LOGIN = re.compile(r"://[^/\s]*@")


@dataclass(frozen=True)
class Repository:
    """A clone; `remote` is set if its commits are to be pushed."""

    root: Path
    branch: str = DEFAULT_BRANCH
    remote: str = ""

    def git(self, *arguments: str, tree: Path | None = None) -> str:
        """The output of git. Raises PromotionError."""
        try:
            return output_of(
                "git",
                *arguments,
                folder=tree or self.root,
                environment={"GIT_TERMINAL_PROMPT": "0"},
                told_lines=10,
            )
        except ProgramError as error:
            raise PromotionError(_LOGIN.sub("://", str(error))) from None

    def base(self, environments: tuple[str, ...]) -> str:
        """The commit to build on: HEAD, or where the remote's branch is now.

        Raises PromotionError on another branch, or if the environments' files have uncommitted
        changes or differ from the remote's.
        """
        try:
            here = self.git("symbolic-ref", "--quiet", "--short", "HEAD").strip()
        except PromotionError:
            here = "no branch"
        if here != self.branch:
            raise PromotionError(
                f"on {here}: environments follow {self.branch}; git switch {self.branch}"
            )
        for name in environments:
            self._check_committed(name)
        head = self.git("rev-parse", "HEAD").strip()
        if not self.remote:
            return head
        self.git("fetch", "--quiet", self.remote, self.branch)
        there = self.git("rev-parse", "FETCH_HEAD").strip()
        for name in environments:
            file = str(images_file(Path(), name))
            if self.content(head, file) != self.content(there, file):
                raise PromotionError(
                    f"{file} differs between here and {self.remote}/{self.branch}: "
                    "git pull, and look again"
                )
        return there

    def content(self, commit: str, file: str) -> str | None:
        """A file at a commit; None if it isn't there."""
        with suppress(PromotionError):
            return self.git("show", f"{commit}:{file}")
        return None

    def commit_of(self, name: str) -> str:
        """The commit that somebody named. Raises PromotionError."""
        with suppress(PromotionError):
            named = f"{name}^{{commit}}"
            return self.git("rev-parse", "--quiet", "--verify", "--end-of-options", named).strip()
        raise PromotionError(f"no commit {name} here; git log names them, git fetch brings more")

    @contextmanager
    def checkout(self, commit: str) -> Iterator[Path]:
        """A work tree of that commit, for the duration of the block."""
        with tempfile.TemporaryDirectory(prefix="promotion-") as folder:
            tree = (Path(folder) / "tree").resolve()
            self.git("worktree", "add", "--quiet", "--detach", str(tree), commit)
            try:
                yield tree
            finally:
                self.git("worktree", "remove", "--force", str(tree))

    def commit(self, tree: Path, file: Path, text: str, message: str) -> str:
        """Commit one file in a work tree of `checkout`, with hooks and signing as usual."""
        file.write_text(text)
        self.git(
            "commit", "--quiet", "--cleanup=whitespace", "--message", message, "--", str(file),
            tree=tree,
        )  # fmt: skip
        return self.git("rev-parse", "HEAD", tree=tree).strip()

    def standing(self, name: str, file: str, base: str) -> str:
        """The unmerged commit of the branch `name`, here or at the remote; else "".

        If its file equals the base's, it is merged or has nothing left to add.
        """
        for commit in (self._here(name), self.at_remote(name)):
            if commit and self.content(commit, file) != self.content(base, file):
                return commit
        return ""

    def at_remote(self, name: str) -> str:
        """The commit of the remote's branch, which is fetched; "" if there is none."""
        if not self.remote:
            return ""
        found = self.git("ls-remote", self.remote, f"refs/heads/{name}").split()
        if not found:
            return ""
        self.git("fetch", "--quiet", self.remote, found[0])
        return found[0]

    def keep(self, name: str, commit: str) -> str:
        """Point the branch at the commit; return its previous one. Raises PromotionError on a race.

        Git compares and sets it in one step, so that one of two simultaneous calls is refused.
        """
        before = self._here(name)
        self.git("update-ref", f"refs/heads/{name}", commit, before or ABSENT)
        return before

    def put_back(self, name: str, commit: str, before: str) -> None:
        """Undo `keep`, unless somebody has moved the branch since."""
        with suppress(PromotionError):
            if before:
                self.git("update-ref", f"refs/heads/{name}", before, commit)
            else:
                self.git("update-ref", "-d", f"refs/heads/{name}", commit)

    def push(self, name: str, commit: str) -> None:
        """Push it, overwriting what is merged, but nothing that was pushed in the meantime."""
        there = self.at_remote(name)
        lease = f"--force-with-lease=refs/heads/{name}:{there}"
        self.git("push", "--quiet", lease, self.remote, f"{commit}:refs/heads/{name}")

    def unpush(self, name: str, commit: str) -> None:
        """Delete the remote's branch, unless somebody has moved it since."""
        lease = f"--force-with-lease=refs/heads/{name}:{commit}"
        with suppress(PromotionError):
            self.git("push", "--quiet", lease, self.remote, f":refs/heads/{name}")

    def history(self, file: str, base: str) -> list[str]:
        """The commits that changed a file, newest first."""
        return self.git("log", "--format=%H", base, "--", file).split()

    def _here(self, name: str) -> str:
        with suppress(PromotionError):
            return self.git("rev-parse", "--quiet", "--verify", f"refs/heads/{name}").strip()
        return ""

    def _check_committed(self, environment: str) -> None:
        file = images_file(self.root, environment)
        if not file.exists():
            raise PromotionError(f"no file {file.relative_to(self.root)}: an environment needs one")
        if self.git("status", "--porcelain", "--", str(file)):
            raise PromotionError(
                f"{file.relative_to(self.root)} has changes that are not committed: "
                "commit or restore it"
            )

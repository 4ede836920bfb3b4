"""The environments' repository as a user has it: this one, edited as the docs say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gitops.gitea import Gitea
from scripts.promotion.images import Image, Images, images_file, read_images, with_images
from support.stack_process import ROOT

NAME = "data-stack"
PASSWORD = "of-the-tests"
EXAMPLE = "https://github.com/your-org/freelancer-data-stack.git"
_TINY = {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}}
# Two environments on a node with two CPUs.
SMALL: dict[str, Any] = {
    "webserver": _TINY,
    "daemon": _TINY,
    "schema": _TINY,
    "observability": {"enabled": False},
    "codeLocationDefaults": {**_TINY, "run": _TINY},
    "postgresql": {"existingSecret": "stack-postgres", "storageSize": "1Gi", **_TINY},
    "s3": {"existingSecret": "stack-s3", "storageSize": "1Gi", **_TINY},
}
OFF = {"enabled": False}
STAGING: dict[str, Any] = {
    "sampleData": OFF,
    "codeLocations": {"ingestion": OFF, "transformation": OFF, "quality": OFF},
}
SECRETS = {
    "stack-ui": {"admin-password": PASSWORD},
    "stack-postgres": {"dagster-password": PASSWORD, "lake-password": PASSWORD},
    "stack-s3": {"access-key-id": "stack", "secret-access-key": PASSWORD},
}


@dataclass(frozen=True)
class Clone:
    """A clone of the repository on a gitea, and its user's token for the forge."""

    root: Path
    gitea: Gitea
    token: str

    @classmethod
    def made(cls, root: Path, gitea: Gitea, images: Path, staging: Images) -> Clone:
        """Push this repository, with dev at `images`, staging at others, and no prod."""
        listed = _output(["git", "ls-files", "-z"], ROOT)
        for name in filter(None, listed.split("\0")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        clone = cls(root, gitea, gitea.new_token())
        clone._replace(yaml.safe_load(images.read_text())["image"]["registry"])
        clone.write_images("dev", read_images(images))
        clone.write_images("staging", staging)
        gitea.new_repository(NAME)
        clone.git("init", "--quiet", "--initial-branch", "main")
        clone.git("remote", "add", "origin", gitea.address(NAME, login=True))
        clone.push("The environments")
        return clone

    def _replace(self, registry: str) -> None:
        envs = self.root / "k8s" / "envs"
        shutil.rmtree(envs / "prod")
        for environment, more in {"dev": {}, "staging": STAGING}.items():
            file = envs / environment / "values.yaml"
            values = yaml.safe_load(file.read_text()) | {"image": {"registry": registry}}
            values["ingress"].pop("tlsSecret", None)
            values.get("stack", {}).pop("bucket", None)
            file.write_text(yaml.safe_dump(values | SMALL | more))
        for file in (self.root / "k8s").rglob("*.yaml"):
            text = file.read_text()
            if EXAMPLE in text:
                file.write_text(text.replace(EXAMPLE, self.gitea.address(NAME)))

    def images(self, environment: str) -> Images:
        """The images in an environment's file here."""
        return read_images(images_file(self.root, environment))

    def write_images(self, environment: str, images: Images) -> None:
        """Write other images into it."""
        file = images_file(self.root, environment)
        file.write_text(with_images(file.read_text(), images))

    def push(self, message: str) -> str:
        """Commit everything to main, push it, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "main")
        return self.head

    def propose(self, branch: str, message: str) -> None:
        """Commit everything to a branch, push it, open its pull request, and return to main."""
        self.git("switch", "--quiet", "--create", branch)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", branch)
        self.git("switch", "--quiet", "main")
        self.gitea.open_pull(NAME, branch, message)

    def merged(self) -> str:
        """Merge the one open pull request, pull, and return the commit."""
        (pull,) = self.gitea.open_pulls(NAME)
        self.gitea.merge(NAME, pull["number"])
        self.git("pull", "--quiet", "origin", "main")
        return self.head

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """What git prints."""
        return _output(["git", *arguments], self.root, _WHO)

    def stack(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run this clone's `stack`, with the forge's settings."""
        paths = [self.root, *(self.root / "code_locations").glob("*/src")]
        environment = {
            **os.environ,
            **_WHO,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "FORGE_URL": f"{self.gitea.url}/api/v1",
            "FORGE_REPOSITORY": f"{self.gitea.user}/{NAME}",
            "FORGE_TOKEN": self.token,
            **variables,
        }
        command = [sys.executable, "-m", "stack.commands", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert self.token not in done.stdout + done.stderr
        return done


def image_of(built: dict[str, str], like: Image) -> Image:
    """An image that `built_on` made, under another's repository and tag."""
    return like.model_copy(update={"digest": built["digest"], "commit": ""})


_WHO = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{part}_NAME": "Ann" for part in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{part}_EMAIL": "ann@example.org" for part in ("AUTHOR", "COMMITTER")},
}


def _output(command: list[str], folder: Path, more: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(more or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout

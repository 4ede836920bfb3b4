"""Repositories, images and proofs for promotion's tests."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from scripts.chart_values_page import ROOT
from scripts.promotion.images import (
    ENVIRONMENTS,
    RELEASE,
    Image,
    Images,
    images_file,
    read_images,
    with_images,
)
from scripts.promotion.promoting import Promotion
from scripts.promotion.proof import Checks, Deployed, Proof, RanBy, Round
from scripts.promotion.repository import Repository

OLD, NEW, NEWER = (f"sha256:{digit * 64}" for digit in "012")
LOCATIONS = ("ingestion", "transformation", "quality", "catalog")
NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
REGISTRY = "registry.example.org"
TEMPLATE = """\
{{- range $name, $one := .Values.codeLocations }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ $.Release.Name }}-{{ $name }}}
spec: {image: "{{ $one.image.repository }}@{{ $one.image.digest }}"}
{{- end }}
"""


def git(root, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout


def be_nobody(monkeypatch):
    """Use no git configuration of this machine."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{part}_NAME", "Dev")
        monkeypatch.setenv(f"GIT_{part}_EMAIL", "dev@example.org")


def new_repository(root: Path, chart: Path | None = None) -> Path:
    """Environments in which dev has a newer quality, and a one-template chart, or `chart`."""
    shutil.copytree(ROOT / "k8s" / "envs", root / "k8s" / "envs")
    own = root / "charts" / RELEASE
    if chart is not None:
        shutil.copytree(chart, own)
    else:
        (own / "templates").mkdir(parents=True)
        (own / "templates" / "all.yaml").write_text(TEMPLATE)
        told = {"apiVersion": "v2", "name": RELEASE, "version": "1.0.0", "kubeVersion": ">=1.30.0"}
        (own / "Chart.yaml").write_text(yaml.safe_dump(told))
    git(root.parent, "init", "--quiet", "--initial-branch", "main", str(root))
    for name in ENVIRONMENTS:
        write_images(root, name, **({"quality": NEW} if name == "dev" else {}))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "First")
    return root


def images_of(root, environment) -> Images:
    return read_images(images_file(root, environment))


def images_at(root, commit, environment) -> dict[str, str]:
    """The digests of an environment at a commit or branch."""
    file = images_file(Path(), environment)
    found = yaml.safe_load(git(root, "show", f"{commit}:{file}"))
    entries = {"dagster": found["dagster"], **found["codeLocations"]}
    return {name: entry["image"]["digest"] for name, entry in entries.items()}


def write_images(root, environment, *, commits=(), **digests):
    """Write other digests; images that aren't named get the old one."""
    file = images_file(root, environment)
    images = {
        name: image.model_copy(
            update={
                "digest": digests.get(name, OLD),
                "commit": dict(commits).get(name, image.commit),
            }
        )
        for name, image in images_of(root, environment).items()
    }
    file.write_text(with_images(file.read_text(), images))


def set_images(root, environment, **digests):
    """Like `write_images`, and commit."""
    write_images(root, environment, **digests)
    git(root, "commit", "--quiet", "--all", "--message", f"Images of {environment}")


def reference(image: Image) -> str:
    return f"{REGISTRY}/{image.repository}@{image.digest}"


def proven(images: Images, environment="dev", **parts) -> Proof:
    """A successful night with these images, all deployed and ready."""
    runs = tuple(
        RanBy(run_id=f"run-{name}", location=name, image=reference(images[name]), status="success")
        for name in LOCATIONS
        if name in images
    )
    ended = NOW - timedelta(hours=3)
    night = Round(
        pipeline_id="night-of-tests",
        outcome="succeeded",
        began=ended - timedelta(minutes=9),
        ended=ended,
        runs=runs,
        checks=Checks(passed=370),
    )
    deployed = tuple(
        Deployed(name=f"stack-{name}", part=name, image=reference(image))
        for name, image in images.items()
    )
    shown = {"at": NOW, "rounds": (night,), "deployed": deployed} | parts
    return Proof(environment=environment, images=images, **shown)


def promotion(source="dev", target="staging", only=(), prove=None, **parts) -> Promotion:
    """A promotion with a proof of everything in the source, unless another is given."""
    return Promotion(
        source,
        target,
        prove or (lambda images: proven(images, source)),
        frozenset(only),
        now=lambda: NOW,
        **parts,
    )


def everything(root: Path) -> tuple[str, ...]:
    """Everything that a promotion might leave in a clone."""
    return (
        git(root, "for-each-ref", "refs/heads"),
        git(root, "rev-parse", "HEAD"),
        git(root, "status", "--porcelain"),
        git(root, "worktree", "list"),
        *(images_file(root, name).read_text() for name in ENVIRONMENTS),
    )


def repository(root: Path, remote: str = "") -> Repository:
    return Repository(root, remote=remote)

"""`stack promote`, `stack prove`, `stack rollback` and `stack watch-environment`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import SecretStr

from scripts.chart_values_page import ROOT
from scripts.promotion import cluster, looking
from scripts.promotion.forge import Forge
from scripts.promotion.images import (
    Images,
    PromotionError,
    check_environment,
    environment_images,
)
from scripts.promotion.looking import Queued
from scripts.promotion.marts import compare
from scripts.promotion.marts_told import declared_keys, markdown
from scripts.promotion.promoting import Promotion, images_at, promote, roll_back
from scripts.promotion.proof import Deployed, Proof, read_proof
from scripts.promotion.repository import DEFAULT_BRANCH, Repository
from scripts.promotion.settings import PromotionSettings
from scripts.promotion.watching import Look, State, Verdict, watch
from stack.settings import load_settings


@dataclass(frozen=True)
class _Where:
    """Where an environment is looked at; the context "" is the current one, None is no cluster."""

    instance: str
    context: str | None
    namespace: str

    @classmethod
    def of(
        cls, settings: PromotionSettings, instance: str | None, context: str | None, namespace: str
    ) -> _Where:
        current = "" if os.environ.get("KUBECONFIG") else None
        return cls(
            instance or _secret(settings.promotion_source_url), context or current, namespace
        )


def _source(command: Callable[..., None]) -> Callable[..., None]:
    """Options for what is looked at in an environment."""
    for option in (
        click.option(
            "--instance",
            help="DAGSTER_HOME of its run storage; a Postgres is named in PROMOTION_SOURCE_URL. "
            "Default: DAGSTER_POSTGRES_URL, or this machine's.",
        ),
        click.option(
            "--context", help="Its cluster, as kubectl knows it. Default: KUBECONFIG's, if set."
        ),
        click.option("--namespace", default="", help="Default: the release's name."),
    ):
        command = option(command)
    return command


def _proposed(command: Callable[..., None]) -> Callable[..., None]:
    """Options of a change that becomes a branch."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Show it, and make nothing."),
        click.option("--branch", default=DEFAULT_BRANCH, help="What the environments follow."),
        click.option("--remote", default="origin", help="Where branches are pushed to."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("-l", "--location", "only", multiple=True, help="Only this; may be repeated.")
@click.option(
    "--proof",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What `stack prove SOURCE` wrote; it is written here if there is none.",
)
@click.option(
    "--data",
    nargs=2,
    type=click.Path(path_type=Path),
    help="Warehouses that the old and the new images made of the same inputs, to be compared.",
)
@click.option("--without-cluster", is_flag=True, help="Whether it is healthy isn't looked at.")
@click.option("--with-warnings", is_flag=True, help="Checks that only warn may have failed.")
@_source
@_proposed
def promote_command(  # noqa: PLR0913 - a command's options
    *,
    source: str,
    target: str,
    only: tuple[str, ...],
    file: Path | None,
    data: tuple[Path, Path] | None,
    without_cluster: bool,
    with_warnings: bool,
    instance: str | None,
    context: str | None,
    namespace: str,
    dry_run: bool,
    branch: str,
    remote: str,
) -> None:
    """Copy the image digests of the environment SOURCE to TARGET, as a commit on a branch."""
    settings = load_settings(PromotionSettings)

    def prove(images: Images) -> Proof:
        if file is not None and file.exists():
            return read_proof(file)
        where = _Where.of(settings, instance, context, namespace)
        proof = _prove(source, images, replace(where, context=None) if without_cluster else where)
        if file is not None:
            file.write_text(proof.text)
        return proof

    def waiting() -> tuple[Queued, ...] | None:
        if settings.promotion_target_url is None:
            return None
        with looking.opened(_secret(settings.promotion_target_url)) as opened:
            return looking.queued(opened)

    wanted = Promotion(
        source,
        target,
        prove,
        frozenset(only),
        cluster=not without_cluster,
        with_warnings=with_warnings,
        waiting=waiting,
        data=markdown(compare(*data, declared_keys(ROOT))) if data else "",
    )
    forge = Forge.of(settings)
    repository = Repository(ROOT, branch, remote if forge else "")
    click.echo(promote(repository, wanted, forge, dry_run=dry_run))


@click.command()
@click.argument("environment")
@_source
def prove_command(
    environment: str, instance: str | None, context: str | None, namespace: str
) -> None:
    """Print what ENVIRONMENT shows of its images, for `stack promote --proof`."""
    check_environment(environment)
    where = _Where.of(load_settings(PromotionSettings), instance, context, namespace)
    click.echo(_prove(environment, environment_images(ROOT, environment), where).text, nl=False)


@click.command()
@click.argument("environment")
@click.argument("commit", default="")
@_proposed
def rollback_command(
    environment: str, commit: str, dry_run: bool, branch: str, remote: str
) -> None:
    """Give ENVIRONMENT the images it had before, or at COMMIT, as a commit on a branch."""
    forge = Forge.of(load_settings(PromotionSettings))
    repository = Repository(ROOT, branch, remote if forge else "")
    click.echo(roll_back(repository, environment, commit, forge, dry_run=dry_run))


@click.command()
@click.argument("environment")
@click.option("--commit", default="HEAD", help="Whose images. Default: HEAD.")
@click.option("--within", default=900, metavar="SECONDS", help="How long it may take.")
@click.option(
    "--context", default="", help="Its cluster, as kubectl knows it. Default: the current one."
)
@click.option("--namespace", default="", help="Default: the release's name.")
def watch_command(
    environment: str, commit: str, within: float, context: str, namespace: str
) -> None:
    """Wait until ENVIRONMENT runs by the images of a commit, and report that on the forge."""
    check_environment(environment)
    forge = Forge.of(load_settings(PromotionSettings))
    repository = Repository(ROOT)
    commit = repository.commit_of(commit)
    images = images_at(repository, commit, environment)
    where = (environment, context, namespace)

    def report(verdict: Verdict) -> None:
        click.echo(f"{environment} at {commit[:9]}: {verdict.state}: {verdict.told}")
        if forge is not None:
            forge.report(commit, f"deployed/{environment}", verdict.state, verdict.told)

    report(Verdict(State.PENDING, "waits for its images to be rolled out"))
    try:
        verdict = watch(
            images, lambda: Look(cluster.deployments(*where), cluster.broken(*where)), within
        )
    except PromotionError:
        report(Verdict(State.FAILURE, "its cluster can't be looked at"))
        raise
    report(verdict)
    if verdict.state != State.SUCCESS:
        raise click.exceptions.Exit(1)


def _prove(environment: str, images: Images, where: _Where) -> Proof:
    deployed: tuple[Deployed, ...] | None = None
    if where.context is not None:
        deployed = cluster.deployments(environment, where.context, where.namespace)
    with looking.opened(where.instance) as instance:
        return Proof(
            environment=environment,
            at=datetime.now(UTC),
            images=images,
            rounds=looking.rounds(instance),
            jobs=looking.jobs_of(instance, images),
            deployed=deployed,
        )


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""

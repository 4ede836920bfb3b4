"""Look for known vulnerabilities in the lock without a network: `make audit ADVISORIES=folder`.

The folder has OSV records, like a clone of github.com/pypa/advisory-database; osv-scanner compares
them. A record that isn't in the folder can't be found: keep the clone up to date.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import yaml

from scripts.chart_values_page import ROOT
from scripts.programs import output_of
from stack.errors import StackError

DATABASE = "osv-scalibr/PyPI/all.zip"
"""Where osv-scanner looks below its folder of databases."""
STALE_DAYS = 30
FOUND = 1


class AuditError(StackError):
    """There is nothing to compare with."""


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """OSV records about PyPI below a folder. Raises AuditError if there are none."""
    count = 0
    for file in sorted(folder.rglob("PYSEC-*.yaml")):
        count += 1
        yield yaml.load(file.read_text(), yaml.CSafeLoader)
    if not count:
        raise AuditError(
            f"{folder}: no PYSEC-*.yaml",
            next_step="clone https://github.com/pypa/advisory-database and name its folder",
        )


def write_database(folder: Path, file: Path) -> datetime:
    """Write the records as osv-scanner's database; return when the newest one was changed."""
    newest = datetime.min.replace(tzinfo=UTC)
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as database:
        for record in records(folder):
            newest = max(newest, datetime.fromisoformat(str(record["modified"])).astimezone(UTC))
            database.writestr(f"{record['id']}.json", json.dumps(record, default=str))
    return newest


def audit(lock: Path, folder: Path) -> tuple[str, list[str], datetime]:
    """The scanner's table, the ids it found, and the records' age. Raises StackError."""
    with tempfile.TemporaryDirectory() as temporary:
        newest = write_database(folder, Path(temporary) / DATABASE)
        arguments = ("--offline", "--local-db-path", temporary, "--lockfile", str(lock))

        def said(form: str) -> str:
            return output_of(
                "osv-scanner", "scan", "source", *arguments, "--format", form, fine=(0, FOUND)
            )

        ids = _ids(json.loads(said("json")))
        return (said("table") if ids else ""), ids, newest


def _ids(report: dict[str, Any]) -> list[str]:
    packages = [p for result in report.get("results") or () for p in result["packages"]]
    return sorted({v["id"] for package in packages for v in package.get("vulnerabilities") or ()})


@click.command()
@click.argument("advisories", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--lock", default=ROOT / "uv.lock", type=click.Path(exists=True, path_type=Path))
def audit_command(advisories: Path, lock: Path) -> None:
    """Compare the lock with the OSV records in the folder ADVISORIES; code 1 if any fits."""
    table, ids, newest = audit(lock, advisories)
    age = (datetime.now(UTC) - newest).days
    stale = f", which is {age} days old: fetch it anew" if age > STALE_DAYS else ""
    click.echo(
        f"{table}{len(ids)} known vulnerabilities; newest record of {newest:%Y-%m-%d}{stale}"
    )
    if ids:
        raise SystemExit(FOUND)

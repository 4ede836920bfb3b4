"""What code locations need from each other, read from the commits that built their images.

Ingestion provides the raw tables and its reports, transformation the marts, quality its results. A
location's own commit says what it expects from the others, since all share the declarations.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from scripts.promotion.images import Images, PromotionError
from scripts.promotion.repository import Repository
from stack.declarations import DeclarationError, load_yaml
from stack.pipelines import Stage

_SHARED = "code_locations/stack/src/stack"
RAW = f"{_SHARED}/raw"
MARTS = "code_locations/transformation/dbt/models/marts"
SUITES = "code_locations/quality/great_expectations/suites/marts"
REPORTS = (f"{_SHARED}/load_report.py", f"{_SHARED}/raw/__init__.py")
RESULTS = (f"{_SHARED}/gx_artifacts.py",)

Tables = dict[str, dict[str, str]]
"""By table, its columns and their types; a type "" is any."""
Records = dict[str, dict[str, bool]]
"""By class, its fields, and whether readers rely on each."""


@dataclass(frozen=True)
class Contract:
    """What a commit says about the interfaces between locations."""

    raw: Tables
    marts: Tables
    suites: Tables
    reports: Records
    results: Records
    closed: frozenset[str]
    """Report classes that it only reads if they have no unknown fields."""
    formats: dict[str, tuple[int, int]]
    """By artifact, the oldest format that it reads, and the one that it writes."""


def read_contract(repository: Repository, commit: str) -> Contract:
    """The contract. Raises PromotionError if the commit isn't here, or its files are unreadable."""
    repository.commit_of(commit)
    files = {folder: _yaml_files(repository, commit, folder) for folder in (RAW, MARTS, SUITES)}
    reports, results = (_classes(repository, commit, told) for told in (REPORTS, RESULTS))
    return Contract(
        raw=_raw(files[RAW]),
        marts=_marts(files[MARTS]),
        suites=_suites(files[SUITES]),
        reports=_records(reports),
        results=_records(results),
        closed=_closed(reports),
        formats={name: _formats(node) for name, node in {**reports, **results}.items()},
    )


def misfits(images: Images, repository: Repository) -> Iterator[str]:
    """A line for each thing that a location needs but others, from other commits, don't provide.

    Raises PromotionError if an image's commit isn't known.
    """
    read = cache(lambda commit: read_contract(repository, commit))
    for giver, takers in _SEAMS.items():
        for taker in takers:
            if giver not in images or taker not in images:
                continue
            given, taken = images[giver], images[taker]
            for name, image in ((giver, given), (taker, taken)):
                if not image.commit:
                    raise PromotionError(
                        f"{name} {image.short}: images.yaml names no commit of it, so what it "
                        "needs is not known; build it by make images, or promote all locations"
                    )
            if given.commit != taken.commit:
                for told in _between(giver, taker, read(given.commit), read(taken.commit)):
                    yield f"{taker} {taken.short} {told} {giver} {given.short}"


_SEAMS: dict[str, tuple[str, ...]] = {
    Stage.INGESTION: (Stage.TRANSFORMATION, Stage.QUALITY, Stage.CATALOG),
    Stage.TRANSFORMATION: (Stage.QUALITY,),
    Stage.QUALITY: (Stage.CATALOG,),
}


def _between(giver: str, taker: str, given: Contract, taken: Contract) -> Iterator[str]:
    if giver == Stage.INGESTION:
        yield from _missing_columns("raw", taken.raw, given.raw)
        yield from _unread("reports", taken.reports, given.reports, taken.closed)
        yield from _misread(taken, given, taken.reports)
    elif giver == Stage.TRANSFORMATION:
        yield from _missing_columns("marts", taken.suites, given.marts)
    elif (giver, taker) == (Stage.QUALITY, Stage.CATALOG):
        yield from _unread("results", taken.results, given.results)
        yield from _misread(taken, given, taken.results)


def _missing_columns(schema: str, needed: Tables, given: Tables) -> Iterator[str]:
    for table, columns in needed.items():
        if table not in given:
            yield f"needs the table {schema}.{table}, which is not given by"
            continue
        for column, type_ in columns.items():
            found = given[table].get(column)
            if found is None:
                yield f"needs the column {schema}.{table}.{column}, which is not given by"
            elif type_ and found and type_ != found:
                yield (
                    f"needs the column {schema}.{table}.{column} as {type_}, "
                    f"which is given as {found} by"
                )


def _unread(
    what: str, read: Records, written: Records, closed: Collection[str] = ()
) -> Iterator[str]:
    for name, fields in read.items():
        if name not in written:
            continue
        for field in sorted(set(written[name]) - set(fields)) if name in closed else ():
            yield f"knows no {name}.{field} in the {what} of"
        for field, needed in fields.items():
            if needed and field not in written[name]:
                yield f"needs {name}.{field}, which is not in the {what} of"


def _misread(taken: Contract, given: Contract, read: Records) -> Iterator[str]:
    for name in read:
        oldest, newest = taken.formats[name]
        written = given.formats.get(name, (1, 1))[1]
        if not oldest <= written <= newest:
            known = str(newest) if oldest == newest else f"{oldest} to {newest}"
            yield f"reads {name} of format {known}, which is written in format {written} by"


def _yaml_files(repository: Repository, commit: str, folder: str) -> dict[str, Any]:
    names = repository.git("ls-tree", "--name-only", commit, f"{folder}/").split("\n")
    found = {}
    for name in names:
        if name.endswith(".yml"):
            where = f"{name} of {commit[:12]}"
            try:
                content = load_yaml(repository.content(commit, name) or "", where)
            except DeclarationError as error:
                raise PromotionError(str(error)) from None
            found[name.rpartition("/")[2].removesuffix(".yml")] = content or {}
    return found


def _raw(files: Mapping[str, Any]) -> Tables:
    declared = {content["source"]: content for content in files.values()}
    return {
        f"{source}_{table}": {
            column: said.partition(":")[0].strip().lower()
            for column, said in spec.get("columns", {}).items()
        }
        for source, content in declared.items()
        for table, spec in declared.get(content.get("like"), content).get("tables", {}).items()
    }


def _marts(files: Mapping[str, Any]) -> Tables:
    return {
        model["name"]: {column["name"]: "" for column in model.get("columns", ())}
        for content in files.values()
        for model in content.get("models", ())
    }


def _suites(files: Mapping[str, Any]) -> Tables:
    """The columns that expectations name; what their SQL reads isn't checked."""
    return {table: dict.fromkeys(_columns(suite), "") for table, suite in files.items()}


def _columns(suite: Mapping[str, Any]) -> Iterator[str]:
    yield from suite.get("key", ())
    for expectation in suite.get("rows", ()):
        for arguments in expectation.values():
            named = arguments.get("column", ()) if isinstance(arguments, dict) else ()
            yield from [named] if isinstance(named, str) else named


def _classes(
    repository: Repository, commit: str, files: tuple[str, ...]
) -> dict[str, ast.ClassDef]:
    """The public models in Python files, by name."""
    return {
        node.name: node
        for file in files
        for node in ast.parse(repository.content(commit, file) or "").body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }


def _records(classes: Mapping[str, ast.ClassDef]) -> Records:
    """Fields of models. An enumeration's members count as fields."""
    found = {name: dict(_fields(node)) for name, node in classes.items()}
    return {name: fields for name, fields in found.items() if fields}


def _closed(classes: Mapping[str, ast.ClassDef]) -> frozenset[str]:
    """Enumerations; in commits from before reports were artifacts, all classes."""
    if not any(_has_base(node, "Artifact") for node in classes.values()):
        return frozenset(classes)
    return frozenset(name for name, node in classes.items() if _has_base(node, "StrEnum"))


def _formats(node: ast.ClassDef) -> tuple[int, int]:
    said = {
        line.target.id: line.value.value
        for line in node.body
        if isinstance(line, ast.AnnAssign)
        and isinstance(line.target, ast.Name)
        and isinstance(line.value, ast.Constant)
    }
    oldest, newest = said.get("oldest", 1), said.get("format", 1)
    return (oldest, newest) if isinstance(oldest, int) and isinstance(newest, int) else (1, 1)


def _has_base(node: ast.ClassDef, name: str) -> bool:
    return any(isinstance(base, ast.Name) and base.id == name for base in node.bases)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            if "ClassVar" not in ast.unparse(line.annotation):
                yield line.target.id, line.value is None
        elif isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            yield line.targets[0].id, False

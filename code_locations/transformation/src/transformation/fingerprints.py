"""Fingerprints of a model's or test's definition, apart from its inputs.

A definition that can't be pinned down, such as SQL that reads a file, has none and never holds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stack.digests import digest
from stack.sql_reads import clock_of
from transformation.project import DbtProject, prepared

CODE_VERSION = "1"
# Parts of a manifest's node that say when and where it was parsed.
_PARSED = frozenset(
    {"created_at", "build_path", "compiled_path", "root_path", "patch_path", "compiled"}
    | {"compiled_code", "extra_ctes", "extra_ctes_injected", "deferred"}
)
_DBTS_OWN = frozenset({"dbt", "dbt_duckdb"})
_ENVIRONMENT = re.compile(r"env_var\(\s*['\"](\w+)")
# Paths of ours, which say nothing about their contents.
_FOLDERS = frozenset({"DBT_RAW_SOURCES", "DBT_PROJECT_DIR", "DBT_PROFILES_DIR"})
# Jinja that queries more than the columns of its inputs.
_ASKS = re.compile(
    r"run_query|statement\s*\(|load_result|load_relation|dbt_utils|get_column_values|"
    r"get_filtered_columns|get_relations_by|adapter\.(?!get_columns_in_relation|quote)|"
    r"\bgraph\.|\bmodules\.|\bcontext\[|run_started_at|invocation_id|\bflags\."
)
_IN_BRACES = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_READS = re.compile(r"\b(from|join|into|update|using|copy|attach|call|pragma)\b", re.IGNORECASE)


class Definitions:
    """The definitions in a project's manifest.

    `facts` are what all of them also depend on, and `files` the texts of configuration files.
    """

    def __init__(
        self, manifest: Mapping[str, Any], facts: Sequence[object], files: Sequence[str]
    ) -> None:
        self.nodes: Mapping[str, dict[str, Any]] = manifest["nodes"] | manifest["sources"]
        self._macros: Mapping[str, dict[str, Any]] = {
            uid: macro
            for uid, macro in manifest["macros"].items()
            if macro["package_name"] not in _DBTS_OWN
        }
        # Hooks at a run's start and end may do anything.
        self.has_hooks = any(n["resource_type"] == "operation" for n in self.nodes.values())
        self._digests: dict[str, str | None] = {}
        self._common = self._common_digest(facts, files, for_tests=False)
        self._of_tests = self._common_digest(facts, files, for_tests=True)

    def parents(self, uid: str) -> tuple[str, ...]:
        """What a model or test selects from."""
        return tuple(self.nodes.get(uid, {}).get("depends_on", {}).get("nodes", ()))

    def digest(self, uid: str) -> str | None:
        """The digest of a model's or test's definition; None if it can't be pinned down."""
        if uid not in self._digests:
            self._digests[uid] = self._digest(self.nodes[uid])
        return self._digests[uid]

    def _digest(self, node: Mapping[str, Any]) -> str | None:
        jinja = [*self._jinja(node)]
        if node.get("language", "sql") != "sql" or any(map(_ASKS.search, jinja)):
            return None
        hooks = [*_hooks(node)]
        # dbt keeps their compiled form in no artifact.
        if any(_READS.search(_IN_BRACES.sub("", hook)) for hook in hooks):
            return None
        if hooks and any(clock_of(text) for text in jinja):
            return None
        common = self._of_tests if node["resource_type"] == "test" else self._common
        return digest(common, {k: v for k, v in node.items() if k not in _PARSED})

    def _jinja(self, node: Mapping[str, Any]) -> Iterator[str]:
        """Jinja of the node, of its hooks, and of the macros that it calls, except dbt's own."""
        yield node.get("raw_code") or ""
        yield from _hooks(node)
        seen: set[str] = set()
        waiting = list(node.get("depends_on", {}).get("macros", ()))
        while waiting:
            uid = waiting.pop()
            if uid in seen or uid not in self._macros:
                continue
            seen.add(uid)
            yield self._macros[uid]["macro_sql"]
            waiting += self._macros[uid].get("depends_on", {}).get("macros", ())

    def _common_digest(
        self, facts: Sequence[object], files: Sequence[str], *, for_tests: bool
    ) -> str:
        macros = {
            uid: macro["macro_sql"]
            for uid, macro in self._macros.items()
            if for_tests or not macro["name"].startswith("test_")
        }
        raw_code = [node.get("raw_code") or "" for node in self.nodes.values()]
        environment = _environment([*files, *macros.values(), *raw_code])
        return digest(CODE_VERSION, facts, files, macros, environment)


def definitions_of(project: DbtProject, folder: Path | None = None) -> Definitions:
    """Definitions of a project as it is now, or of the manifest in `folder`.

    Raises DbtProjectError if it doesn't parse.
    """
    manifest = json.loads(((folder or prepared(project)) / "manifest.json").read_bytes())
    libraries = [version(name) for name in ("dbt-core", "dbt-duckdb", "duckdb")]
    files = (project.project_dir / "dbt_project.yml", project.profiles_dir / "profiles.yml")
    return Definitions(
        manifest,
        [project.target, project.database, project.raw_schema, *libraries],
        [file.read_text() for file in files],
    )


def code_versions(project: DbtProject, folder: Path) -> dict[str, str]:
    """Digests of the definitions of a manifest's models, by unique id, as Dagster shows them."""
    definitions = definitions_of(project, folder)
    models = (uid for uid, node in definitions.nodes.items() if node["resource_type"] == "model")
    found = ((uid, definitions.digest(uid)) for uid in models)
    return {uid: version for uid, version in found if version}


def _hooks(node: Mapping[str, Any]) -> Iterator[str]:
    """SQL, with Jinja, that runs before and after a model's own."""
    config = node.get("config", {})
    for hook in (*config.get("pre-hook", ()), *config.get("post-hook", ())):
        yield hook["sql"]


def _environment(texts: Iterable[str]) -> dict[str, str]:
    """Variables that the project reads, and dbt's own."""
    named = {name for text in texts for name in _ENVIRONMENT.findall(text)}
    flags = {name for name in os.environ if name.startswith("DBT_")}
    return {
        name: os.environ[name] for name in sorted(named | flags - _FOLDERS) if name in os.environ
    }

"""Declarations in YAML: read and checked in one place; mistakes name file, line and field."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from stack.errors import StackError
from stack.problems import models_of, problem, shown

# Ten times faster than the Python loader; a code location reads declarations when it loads.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The name of a column, a table or a source.
NAME = r"^[a-z][a-z0-9_]*$"
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class DeclarationError(StackError):
    """A declaration can't be used; names file, line and field, and what was found and expected."""


class Declaration(BaseModel):
    """Base of declarations: frozen, and unknown fields are refused.

    Give a field `repr=False` to keep its value out of error messages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=BaseModel)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Refuses a repeated key, where YAML libraries silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    told = f"found the key {key!r} twice; keep one of them"
                    raise yaml.constructor.ConstructorError(None, None, told, key_node.start_mark)
                seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def load_yaml(text: str, where: object = "the text") -> Any:
    """The document in `text`. Raises DeclarationError if it is invalid or repeats a key."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        raise DeclarationError(f"{place}: can't be read as YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # such as a day 2026-13-01
        raise DeclarationError(f"{where}: can't be read as YAML: {error}") from None


def load_mapping(file: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds. Raises DeclarationError."""
    return _mapping(_text(file), file)


def load_declaration(file: Path, model: type[M], **defaults: Any) -> M:
    """What a YAML file declares, over `defaults`. Raises DeclarationError.

    A field named `file` is set to the file's path.
    """
    text = _text(file)
    content = {**defaults, **_mapping(text, file)}
    if any("file" in one.model_fields for one in models_of(model)):
        content["file"] = file.absolute()
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise DeclarationError(f"{file}:{_problems(error, model, content, text)}") from None


def load_folder(folder: Path, model: type[M]) -> tuple[M, ...]:
    """The declaration in each YAML file, named for its file. Raises DeclarationError."""
    return tuple(load_declaration(file, model, name=file.stem) for file in yaml_files(folder))


def yaml_files(folder: Path) -> list[Path]:
    """The `*.yml` and `*.yaml` of a folder, in the order of their names; not hidden ones."""
    return sorted(file for file in folder.glob("[!.]*") if file.suffix in {".yml", ".yaml"})


def load_named(path: Path, model: type[M], variable: str) -> tuple[M, ...]:
    """Declarations, each with a `name`, from the YAML file or folder that `variable` names.

    Raises DeclarationError, also if there are none or two share a name.
    """
    if not path.exists():
        raise DeclarationError(f"{path}: can't be read: it doesn't exist, and {variable} names it")
    files = yaml_files(path) if path.is_dir() else [path]
    if not files:
        raise DeclarationError(f"{path}: no *.yml in the folder of {variable}")
    declared = tuple(load_declaration(file, model) for file in files)
    taken: dict[str, Path] = {}
    for file, one in zip(files, declared, strict=True):
        name = str(getattr(one, "name", ""))
        if name in taken:
            told = f"{file}: two files declare one name, found {name} in {taken[name].name} too"
            raise DeclarationError(told)
        taken[name] = file
    return declared


def references(text: str) -> set[str]:
    """The variables that a text refers to as `${NAME}`."""
    return set(_REFERENCE.findall(text))


def resolve(value: Any, variables: Mapping[str, str], where: str) -> Any:
    """`value` with each `${NAME}` in it replaced, at any depth.

    Raises DeclarationError naming the variables that aren't set, never a value.
    """
    missing: set[str] = set()

    def inner(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: inner(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [inner(part) for part in value]
        if not isinstance(value, str):
            return value
        missing.update(name for name in references(value) if not variables.get(name))
        return _REFERENCE.sub(lambda match: variables.get(match[1], ""), value)

    resolved = inner(value)
    if missing:
        are = "is" if len(missing) == 1 else "are"
        names = ", ".join(sorted(missing))
        raise DeclarationError(f"{where}: {names} {are} not set; set in the environment or .env")
    return resolved


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        told = getattr(error, "strerror", None) or error
        raise DeclarationError(f"{file}: can't be read: {told}") from None


def _mapping(text: str, file: Path) -> dict[str, Any]:
    content = load_yaml(text, file)
    if not isinstance(content, dict):
        raise DeclarationError(str(file), found=shown(content), expected="a mapping")
    return content


def _problems(error: ValidationError, model: type[BaseModel], content: Any, text: str) -> str:
    """`<line>: <field>: found …, expected …` for each problem; a union's choices count as one."""
    document: Any = yaml.compose(text, Loader=_SafeLoader)
    told: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        line, field = _place(item, content, document)
        said, expected = problem(item, model)
        told.setdefault(f"{line}: {field}{': ' if field else ''}{said}", []).append(expected)
    return "; line ".join(head + " or ".join(dict.fromkeys(ways)) for head, ways in told.items())


def _place(item: ErrorDetails, content: Any, node: yaml.Node) -> tuple[int, str]:
    """Line and name of the field in error; pydantic's path has parts that the YAML lacks."""
    line, names = node.start_mark.line + 1, []
    for part in item["loc"]:
        if isinstance(content, dict) and part in content:
            inside = node.value if isinstance(node, yaml.MappingNode) else []
            found = next(((k, v) for k, v in inside if k.value == str(part)), None)
            line, node = (found[0].start_mark.line + 1, found[1]) if found else (line, node)
        elif isinstance(content, list) and isinstance(part, int):
            node = node.value[part] if isinstance(node, yaml.SequenceNode) else node
            line = node.start_mark.line + 1
        else:
            continue
        names.append(str(part))
        content = content[part]
    if item["type"] == "missing":
        names.append(str(item["loc"][-1]))
    if item["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        names.append(item["ctx"]["discriminator"].strip("'"))
    return line, ".".join(names)

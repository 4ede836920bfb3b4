"""Puts all files of a proposal in place, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ingestion.connect.proposal import Proposal
from ingestion.connect.questions import ConnectError
from ingestion.incoming.declared import Declared
from stack.declarations import load_yaml
from stack.files import write_file


def check_declared(proposal: Proposal, folder: Path) -> None:
    """Raise ConnectError if this table already has another declaration."""
    declared = Declared.load(folder).of("", f"files_{proposal.table}")
    if declared is not None and declared.name != proposal.table:
        raise ConnectError(
            str(folder / f"{declared.name}.yml"),
            found=f"a declaration of the table {proposal.table}",
            next_step="drop the files into the inbox, or say another --table",
        )


def same_yaml(one: str, other: str) -> bool:
    """Whether two declarations are the same apart from comments."""
    try:
        return bool(load_yaml(one) == load_yaml(other))
    except yaml.YAMLError:
        return False


@dataclass
class Written:
    """Files that were written, and their previous content."""

    before: dict[Path, bytes | None] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)

    def write(self, path: Path, text: str) -> None:
        """Write a file, and remember how to undo it."""
        self.folders += [p for p in (path.parent, *path.parent.parents) if not p.exists()]
        content = path.read_bytes() if path.exists() else None
        write_file(path, text)
        self.before[path] = content

    def undo(self) -> None:
        """Put everything back as it was."""
        for path, content in self.before.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif path.read_bytes() != content:
                path.write_bytes(content)
        for folder in sorted(set(self.folders), reverse=True):
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()


def place(texts: Mapping[Path, str], proposals: Sequence[Proposal], inbox: Path) -> list[Path]:
    """Write the texts, and drop the files into the inbox: all or nothing. Raises ConnectError.

    Returns the files in the inbox.
    """
    written, dropped = Written(), list[Path]()
    try:
        for path, text in texts.items():
            written.write(path, text)
        for proposal in proposals:
            dropped += _drop(proposal, inbox, written)
    except OSError as error:
        written.undo()
        raise ConnectError(
            str(error.filename),
            found=f"{error.strerror}; nothing was written",
            expected="a place that can be read and written",
            next_step="mend that, and run this again",
        ) from error
    return dropped


def _drop(proposal: Proposal, inbox: Path, written: Written) -> list[Path]:
    """Copies of the files, in the table's folder of the inbox."""
    folder = inbox / proposal.table
    written.folders += [p for p in (folder, inbox) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    copies: list[Path] = []
    for read in proposal.files:
        target, number = folder / read.file.name, 1
        while target.exists():  # files from two folders may have the same name
            number += 1
            target = folder / f"{number}_{read.file.name}"
        hidden = folder / f".{target.name}"
        written.before |= {hidden: None, target: None}
        shutil.copyfile(read.file, hidden)
        facts = read.file.stat()
        os.utime(hidden, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # a row's newest version wins
        copies.append(hidden.replace(target))
    return copies

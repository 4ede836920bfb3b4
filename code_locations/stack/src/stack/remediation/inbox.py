"""The folder of alerts: new ones, refused ones, and those that are done."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from stack.alerts import Alert, read_alert
from stack.artifacts import write_atomically
from stack.errors import StackError
from stack.storage import filesystem, printable, safe_name

ARCHIVED = "archived"
REJECTED = "rejected"
# The largest alert that the stack writes has some 100 KB.
LARGEST_BYTES = 1024 * 1024
_PASSED_OVER = (".", "_", "~")


class MalformedAlertError(StackError):
    """A file that isn't an alert. `version` changes when the file does."""

    def __init__(self, reason: str, version: str) -> None:
        super().__init__(reason)
        self.version = version


@dataclass(frozen=True)
class AlertFile:
    """An alert with its file's name, and a key derived from name and content.

    The key ignores `created_at`, because a retried step writes the same alert again.
    """

    name: str
    alert: Alert
    content: bytes

    @property
    def key(self) -> str:
        """32 hexadecimal digits, for a run key and a tag."""
        same = self.alert.model_dump_json(exclude={"created_at"})
        content = f"{self.name}\0{same}".encode(errors="surrogateescape")
        return hashlib.sha256(content).hexdigest()[:32]

    @property
    def archive_name(self) -> str:
        """Its name in the archive, unique to name and content."""
        return _archive_name(self.name, self.key)


class Inbox:
    """Alerts at a fsspec URL; `archived/` and `rejected/` below it."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = filesystem(url)

    def names(self) -> list[str] | None:
        """New files, sorted; None if the folder doesn't exist yet. Raises what the store raises.

        Skips what other programs hide or haven't finished (`.x`, `x.tmp`).
        """
        try:
            found = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return None
        names = (
            str(item["name"]).rstrip("/").rsplit("/", 1)[-1]
            for item in found
            if item["type"] == "file"
        )
        return sorted(
            name for name in names if name and name[0] not in _PASSED_OVER and name[-4:] != ".tmp"
        )

    def read(self, name: str) -> AlertFile:
        """Read a file as an alert. Raises MalformedAlertError, FileNotFoundError, or OSError."""
        path = f"{self._root}/{name}"
        size = int(self._fs.info(path).get("size") or 0)
        if printable(name) != name:
            raise MalformedAlertError(
                "its name is not UTF-8; rename it and drop it again", str(size)
            )
        if not name.endswith(".json"):
            raise MalformedAlertError("its name doesn't end in .json", str(size))
        if size > LARGEST_BYTES:
            raise MalformedAlertError(
                f"it has {size:,} bytes; an alert has at most {LARGEST_BYTES:,}", str(size)
            )
        content = self._fs.cat_file(path)
        return AlertFile(name, _parse(content), content)

    def archive(self, file: AlertFile, handling: Mapping[str, Any]) -> None:
        """Write the alert with its outcome to the archive, then remove it from the folder.

        A crash in between leaves both, and archiving again gives the same result. A file whose
        content has changed since is a new alert and stays.
        """
        kept = {"alert": file.alert.model_dump(mode="json"), "handling": handling}
        path = f"{self._root}/{ARCHIVED}/{file.archive_name}"
        write_atomically(self._fs, path, json.dumps(kept, indent=2, default=str).encode())
        source = f"{self._root}/{file.name}"
        if self._fs.cat_file(source) == file.content:
            self._fs.rm_file(source)

    def archived(self, file_name: str, key: str) -> Alert | None:
        """An archived alert, for a run of it that is executed again."""
        name = _archive_name(file_name, key)
        try:
            content = self._fs.cat_file(f"{self._root}/{ARCHIVED}/{name}")
        except FileNotFoundError:
            return None
        return Alert.model_validate(json.loads(content)["alert"], extra="ignore")

    def reject(self, name: str, reason: str) -> None:
        """Move a file to `rejected/`, with `<name>.reason.txt` beside it; never overwrites."""
        kept, number = safe_name(name), 1
        while self._fs.exists(f"{self._root}/{REJECTED}/{kept}"):
            number += 1
            kept = f"{number}-{safe_name(name)}"
        target = f"{self._root}/{REJECTED}/{kept}"
        # The reason first: a crash in between must not leave a rejected file without one.
        write_atomically(self._fs, f"{target}.reason.txt", f"{reason}\n".encode())
        self._fs.mv(f"{self._root}/{name}", target)


def _archive_name(name: str, key: str) -> str:
    return f"{safe_name(name.removesuffix('.json'))}-{key[:12]}.json"


def _parse(content: bytes) -> Alert:
    version = hashlib.sha256(content).hexdigest()
    try:
        return read_alert(content.removeprefix(codecs.BOM_UTF8))
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in item['loc']) or 'the file'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        reason = f"it is no alert: {'; '.join(problems[:5])}; see docs/remediation.md for the form"
        raise MalformedAlertError(reason, version) from None

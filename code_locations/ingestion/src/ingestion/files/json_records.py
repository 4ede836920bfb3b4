"""Records of JSON: a list of objects, one object after the other, or an object a line.

Read by Python's json module, whose numbers stay as they are written: whole ones of any size, others
as decimals. A line that can't be read is set aside; a key that an object has twice is no record. An
object that an API wraps around a page, `{"data": [...], "has_more": false}`, is no record: those of
its list are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion.files.errors import UnreadableFileError
from ingestion.files.records import Records, RowAside, write_rows

# A document is read in memory; lines are not.
LARGEST_DOCUMENT_BYTES = 512 << 20
_MOST_ASIDE = 0.5
# What stands beside the list in a page of an API, without _ and -.
_MORE = frozenset({"hasmore", "next", "nextpage", "nextcursor", "odata.nextlink"})
_BESIDE = _MORE | set(
    """
    meta metadata links self pagination paging page pages perpage pagesize limit offset total
    totalcount totalpages totalresults count size previous prev first last cursor object url status
    success ok code error errors message version apiversion timestamp generatedat exportedat
    odata.context odata.count
    """.split()  # noqa: SIM905 as one reads it
)


class _TwiceError(ValueError):
    """An object has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwiceError(f"it has the key {twice!r} twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def decoder(constant: Callable[[str], Any] = _no_number) -> json.JSONDecoder:
    """Numbers as `int` and `Decimal`; `constant` makes something of NaN and Infinity."""
    return json.JSONDecoder(object_pairs_hook=_object, parse_float=Decimal, parse_constant=constant)


_DECODER = decoder()


def loads(text: str) -> Any:
    """A document, its numbers as `int` and `Decimal`. Raises ValueError."""
    return _DECODER.decode(text)


def read_json(file: Path, target: Path) -> Records:
    """Read JSON in UTF-8 into `target`. Raises UnreadableFileError."""
    aside: list[RowAside] = []
    lines = _count_lines(file) if _has_an_object_a_line(file) else 0
    by_line = lines > 1
    beside: dict[str, Any] = {}
    rows = _lines(file, aside) if by_line else _document(file, beside)
    records = write_rows(rows, target, unit="line" if by_line else "record")
    if len(aside) > max(1, records.rows * _MOST_ASIDE):
        raise UnreadableFileError(
            f"{len(aside):,} of its {len(aside) + records.rows:,} lines are no objects of JSON; "
            f"{aside[0].reason}"
        )
    if not records.rows and aside:
        raise UnreadableFileError(aside[0].reason)
    total = lines if by_line else records.rows
    if records.rows + len(aside) != total:
        raise UnreadableFileError(
            f"it was read in two ways, which gave {records.rows + len(aside):,} and {total:,} lines"
        )
    shape = "an object a line" if by_line else "a list of objects, or objects one after the other"
    records = replace(records, aside=tuple(aside), total=total, evidence={"JSON": shape})
    return _of_page(records, beside) if beside else records


def _of_page(records: Records, beside: Mapping[str, Any]) -> Records:
    """With what is told of the page, and whether there are more."""
    name, *others = beside
    more = [key for key in others if _plain(key) in _MORE and beside[key] not in (None, "", False)]
    return replace(
        records,
        evidence={"JSON": f"the list {name} of one object", "not read": ", ".join(others)},
        breaks=tuple(f"it is a page of several, as its {key} says: export all" for key in more),
    )


def _has_an_object_a_line(file: Path) -> bool:
    """Whether the first line that isn't blank is an object, or a later one is."""
    whole = 0
    with file.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines):
            text = line.strip()
            if not text:
                continue
            if not text.startswith("{"):
                return False
            try:
                loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                whole += 1
            if number >= 20:
                break
            if whole:
                return True
    return whole > 0


def _lines(file: Path, aside: list[RowAside]) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text:
                continue
            try:
                content = loads(text)
                if not isinstance(content, dict):
                    raise ValueError(f"it is {_told(content)} and no object")
                _require_text(content, text)
            except (ValueError, RecursionError) as error:
                why = f"line {number} can't be read: {_reason(error)}"
                aside.append(RowAside(number, why, (text[:100_000],)))
            else:
                yield number, content


def _page(content: dict[str, Any]) -> tuple[dict[str, Any], list[Any]] | None:
    """The list of records that an object is wrapped around; before it, what stands beside it.

    The first key beside it is the list's own.
    """
    names = [name for name in content if _plain(name) not in _BESIDE]
    if len(names) != 1:
        return None
    (name,) = names
    found = content[name]
    others = {key: value for key, value in content.items() if key != name}
    if isinstance(found, list) and found and all(isinstance(item, dict) for item in found):
        return {name: None, **others}, found
    inner = _page(found) if isinstance(found, dict) else None
    if inner is None:
        return None
    first, *rest = inner[0]
    return {f"{name}.{first}": None, **{key: inner[0][key] for key in rest}, **others}, inner[1]


def _plain(name: str) -> str:
    return name.lower().strip("@").replace("_", "").replace("-", "")


def _document(file: Path, beside: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    if file.stat().st_size > LARGEST_DOCUMENT_BYTES:
        raise UnreadableFileError(
            f"it is one document of JSON of more than {LARGEST_DOCUMENT_BYTES >> 20} MB; export it "
            "with an object a line"
        )
    text = file.read_text(encoding="utf-8")
    found: list[Any] = []
    at = 0
    try:
        while at < len(text):
            while at < len(text) and text[at] in " \t\r\n,":
                at += 1
            if at < len(text):
                content, at = _DECODER.raw_decode(text, at)
                found.append(content)
    except (ValueError, RecursionError) as error:
        line = text.count("\n", 0, getattr(error, "pos", at)) + 1
        raise UnreadableFileError(
            f"line {line}: it is no JSON: {_reason(error)}; the file may be cut off"
        ) from error
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    elif len(found) == 1 and isinstance(found[0], dict) and (page := _page(found[0])):
        beside |= page[0]
        found = page[1]
    for number, content in enumerate(found, 1):
        if not isinstance(content, dict):
            raise UnreadableFileError(
                f"its record {number} is {_told(content)}, expected an object with named values"
            )
        try:
            _require_text(content, text)
        except ValueError as error:
            raise UnreadableFileError(f"record {number}: {error}; correct it") from error
        yield number, content


def _require_text(content: Any, text: str) -> None:
    """Refuse half of a surrogate pair, which no table has."""
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(content, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"it has half of a surrogate pair, {error.object[error.start]!r}"
            ) from error


def _count_lines(file: Path) -> int:
    """Lines that aren't blank, counted as bytes."""
    with file.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


def _reason(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in column {error.colno}"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)


def _told(content: Any) -> str:
    names: dict[type, str] = {list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(content), "a number")

"""Records of JSON: a list of objects, concatenated objects, or one object a line.

Python's json module reads it with numbers exactly as written: integers of any size, others as
decimals. A line that can't be read, such as one that repeats a key, is set aside. An object that an
API wraps around a page, `{"data": [...], "has_more": false}`, isn't a record; its list holds them.
A file may have several pages or lists, one after the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion.files.errors import UnreadableFileError
from ingestion.files.records import Records, RowAside, write_rows

# A document is held in memory; lines aren't.
LARGEST_DOCUMENT_BYTES = 512 << 20
_MOST_ASIDE = 0.5
# Keys beside the list in an API's page, without _ and -.
MORE = frozenset(
    """
    hasmore hasnextpage next nextpage nextpageurl nextcursor nextlink nexttoken nextpagetoken
    nextrecordsurl odata.nextlink continuationtoken lastevaluatedkey
    """.split()  # noqa: SIM905 as one reads it
)
# The number of records or pages in all; `total` counts records if the page states its own size.
_IN_ALL = frozenset(
    {"totalcount", "totalresults", "totalrecords", "totalitems", "totalelements", "totalentries",
     "totalsize", "odata.count"}
)  # fmt: skip
_PAGES = frozenset({"totalpages", "lastpage", "pagecount"})
_SIZES = frozenset({"perpage", "pagesize", "limit", "maxresults"})
# Keys of nothing but a page.
_OF_A_PAGE = (
    MORE
    | _IN_ALL
    | _PAGES
    | _SIZES
    | set(
        """
    pagination paging pageable page pageinfo offset cursor previouspage currentpage startat
    startposition endcursor startcursor haspreviouspage
    islast numberofelements incompleteresults odata.context
    """.split()  # noqa: SIM905 as one reads it
    )
)
# Keys that an invoice has too: they are a page's only where something else says that it is one.
_OF_A_RECORD = frozenset(
    {"number", "type", "kind", "time", "total", "totals", "url", "version", "size", "done"}
)
BESIDE = (
    _OF_A_PAGE
    | _OF_A_RECORD
    | set(
        """
    meta metadata links self pages count previous prev first last object status success ok code
    error errors message apiversion timestamp generatedat exportedat expand sort empty requestid
    etag jsonapi included responsemetadata scannedcount
    """.split()  # noqa: SIM905 as one reads it
    )
)
LISTS = frozenset({"data", "results"})
# Keys that only a page has, in each of several objects of a file.
_OF_SEVERAL_PAGES = (
    MORE | _IN_ALL | _PAGES | {"pagination", "paging", "pageable", "pageinfo", "odata.context"}
)
# Comments, and commas before a closing bracket; strings, so that nothing is found in them.
_BESIDE_JSON = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*(?:[^*]|\*(?!/)){0,5000}\*/|,(?=\s*[\]}])', re.DOTALL
)
_COLUMNS = frozenset({"columns", "cols", "fields", "headers", "header", "columnheaders", "schema"})


class _TwiceError(ValueError):
    """An object repeats a key."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwiceError(f"it has the key {twice!r} twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def decoder(
    constant: Callable[[str], Any] = _no_number, whole: Callable[[str], Any] = int
) -> json.JSONDecoder:
    """Decode numbers as `int` and `Decimal`; `constant` converts NaN and Infinity."""
    return json.JSONDecoder(
        object_pairs_hook=_object, parse_float=Decimal, parse_int=whole, parse_constant=constant
    )


_DECODER = decoder()


def loads(text: str) -> Any:
    """A document, with numbers as `int` and `Decimal`. Raises ValueError."""
    return _DECODER.decode(text)


def read_json(file: Path, target: Path) -> Records:
    """Read JSON in UTF-8 into `target`. Raises UnreadableFileError."""
    aside: list[RowAside] = []
    beside: dict[str, Any] = {}
    first = _object_on_a_line(file)
    lines = _count_lines(file) if first is not None else 0
    by_line = lines > 1 and not _is_one_of_several_pages(first)
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
    """The records with what the page says about itself, and whether there are more."""
    name, *others = beside
    pages = beside[name]
    more = says_more({key: beside[key] for key in others}, records.rows, pages)
    told = "one object" if pages == 1 else f"each of {pages:,} objects"
    return replace(
        records,
        evidence={"JSON": f"the list {name} of {told}", "not read": ", ".join(others)},
        breaks=tuple(f"it is a page of several, as its {key} says: export all" for key in more),
    )


def says_more(beside: Mapping[str, Any], rows: int, pages: int) -> Iterator[str]:
    """The keys, however deeply nested, by which the last of the pages says that there are more."""
    has_size = any(plain_key(name) in _SIZES for name in beside)
    for name, value in beside.items():
        plain = plain_key(name)
        count = value if isinstance(value, int) and not isinstance(value, bool) else 0
        of_all = plain in _IN_ALL or (plain == "total" and has_size)
        if (
            (plain in MORE and value not in (None, "", False, {}))
            or (of_all and count > rows)
            or (plain in _PAGES and count > pages)
            or (plain in ("islast", "done") and value is False)
            or (plain == "offset" and isinstance(value, str) and not value.isdigit() and value)
        ):
            yield name
        elif isinstance(value, dict):
            yield from (f"{name}.{inner}" for inner in says_more(value, rows, pages))


def _object_on_a_line(file: Path) -> dict[str, Any] | None:
    """The first whole object on a line of its own; None if the first 20 lines have none."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines):
            text = line.strip()
            if not text:
                continue
            if not text.startswith("{"):
                return None
            try:
                found: dict[str, Any] = loads(text)
            except (ValueError, RecursionError):
                if number >= 20:
                    break
            else:
                return found
    return None


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
                if _may_have_half_a_pair(text):
                    _require_text(content)
            except (ValueError, RecursionError) as error:
                why = f"line {number} can't be read: {_reason(error)}"
                aside.append(RowAside(number, why, (text[:100_000],)))
            else:
                yield number, content


def page_of(content: dict[str, Any]) -> tuple[dict[str, Any], list[Any]] | None:
    """The list of records in a wrapping object, preceded by what stands beside it.

    The first key of the latter is the list's own, with the number of pages.
    """
    if (found := _wrapped(content)) is None:
        return None
    (name, *_), records = found
    beside = {plain_key(key): value for key, value in found[0].items() if key != name}
    if (
        _OF_A_RECORD.isdisjoint(beside)
        or plain_key(name.rpartition(".")[2]) in LISTS
        or beside.get("total") == len(records)
        or beside.get("type") == "FeatureCollection"
        or any(not _OF_A_PAGE.isdisjoint({key, *_keys(value)}) for key, value in beside.items())
    ):
        return found
    return None


def _keys(value: Any) -> Iterator[str]:
    return map(plain_key, value) if isinstance(value, dict) else iter(())


def _wrapped(content: dict[str, Any]) -> tuple[dict[str, Any], list[Any]] | None:
    """What `page_of` returns, for any list beside keys that a page may have."""
    names = [name for name in content if plain_key(name) not in BESIDE]
    if len(names) != 1:
        return None
    (name,) = names
    found = content[name]
    others = {key: value for key, value in content.items() if key != name}
    if isinstance(found, list) and all(isinstance(item, dict) for item in found):
        return {name: 1, **others}, found
    inner = _wrapped(found) if isinstance(found, dict) else None
    if inner is None:
        return None
    first, *rest = inner[0]
    return {f"{name}.{first}": 1, **{key: inner[0][key] for key in rest}, **others}, inner[1]


def _unwrapped(found: list[Any], beside: dict[str, Any]) -> list[Any]:
    """The records in a file's documents: themselves, or those in lists or pages.

    `beside` gets what stands beside the list in a page.
    """
    if all(isinstance(content, list) for content in found):
        return [record for content in found for record in content]
    if len(found) == 1 and isinstance(found[0], dict):
        if page := page_of(found[0]):
            beside |= page[0]
            return page[1]
        refuse_other_shapes(found[0])
    elif all(map(_is_one_of_several_pages, found)):
        pages = [page for content in found if (page := page_of(content))]
        (name, *_), _ = pages[0]
        if all(next(iter(others)) == name for others, _ in pages):
            beside |= {**pages[-1][0], name: len(pages)}
            return [record for _, records in pages for record in records]
    return found


def _is_one_of_several_pages(content: Any) -> bool:
    """Whether an object can only be a page: one that isn't may look like it when alone."""
    page = page_of(content) if isinstance(content, dict) else None
    return page is not None and any(
        not _OF_SEVERAL_PAGES.isdisjoint({plain_key(key), *_keys(value)})
        for key, value in page[0].items()
    )


def refuse_other_shapes(content: dict[str, Any]) -> None:
    """Refuse an object that isn't a record, but has records in it under names of their own."""
    names, values = list(content), list(content.values())
    if (
        len(names) > 1
        and all(any(map(str.isdigit, name)) for name in names)
        and all(isinstance(value, dict) and value for value in values)
        and len({frozenset(value) for value in values}) == 1
    ):
        raise UnreadableFileError(
            f"it is one object with a record under each of its names, as {names[0]!r} and "
            f"{names[1]!r}; write a list of objects that each have their name as a value"
        )
    for inner in (content, *(value for value in values if isinstance(value, dict))):
        widths = {len(value) for key, value in inner.items() if _are_names(key, value)}
        for key, value in inner.items():
            if (
                widths
                and isinstance(value, list)
                and len(value) > 0
                and all(isinstance(row, list) and len(row) in widths for row in value)
            ):
                raise UnreadableFileError(
                    f"its records are lists, in {key}, with the names of their values apart; write "
                    "a list of objects"
                )


def _are_names(key: str, value: Any) -> bool:
    return plain_key(key) in _COLUMNS and isinstance(value, list)


def plain_key(name: str) -> str:
    """A key as `MORE`, `BESIDE` and `LISTS` have it."""
    return name.lower().strip("@").replace("_", "").replace("-", "")


def _document(file: Path, beside: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    if file.stat().st_size > LARGEST_DOCUMENT_BYTES:
        raise UnreadableFileError(
            f"it is one document of JSON of more than {LARGEST_DOCUMENT_BYTES >> 20} MB; export it "
            "with an object a line"
        )
    text = file.read_text(encoding="utf-8")
    try:
        found = _documents(text)
    except (ValueError, RecursionError) as error:
        plain = _BESIDE_JSON.sub(_blanked, text)
        try:
            if plain == text:
                raise
            found = _documents(plain)
        except (ValueError, RecursionError):
            raise _no_json(text, error) from error
    in_doubt = _may_have_half_a_pair(text)
    for number, content in enumerate(_unwrapped(found, beside), 1):
        if not isinstance(content, dict):
            raise UnreadableFileError(
                f"its record {number} is {_told(content)}, expected an object with named values"
            )
        try:
            if in_doubt:
                _require_text(content)
        except ValueError as error:
            raise UnreadableFileError(f"record {number}: {error}; correct it") from error
        yield number, content


def _documents(text: str) -> list[Any]:
    """The documents in a text, one after the other."""
    found: list[Any] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at == len(text):
            return found
        content, at = _DECODER.raw_decode(text, at)
        found.append(content)


def _blanked(found: re.Match[str]) -> str:
    """A comment or a last comma as blanks, so that what follows stays where it is."""
    if found[0].startswith('"'):
        return found[0]
    return "".join(sign if sign in "\r\n" else " " for sign in found[0])


def _no_json(text: str, error: BaseException) -> UnreadableFileError:
    at = getattr(error, "pos", None)
    line = f"line {text.count(chr(10), 0, at) + 1}: " if at is not None else ""
    is_cut = at is not None and (
        at >= len(text.rstrip())
        or (isinstance(error, json.JSONDecodeError) and "Untermi" in error.msg)
    )
    told = "; the file may be cut off" if is_cut else "; correct it"
    return UnreadableFileError(f"{line}it is no JSON: {_reason(error)}{told}")


def _may_have_half_a_pair(text: str) -> bool:
    return "\\ud" in text or "\\uD" in text


def _require_text(content: Any) -> None:
    """Refuse half a surrogate pair, which no table can hold."""
    try:
        json.dumps(content, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"it has half of a surrogate pair, {error.object[error.start]!r}"
        ) from error


def _count_lines(file: Path) -> int:
    """Non-blank lines, counted as bytes."""
    with file.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


def _reason(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in column {error.colno}"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)


def _told(content: Any) -> str:
    names: dict[type, str] = {list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(content), "a number")

"""Names in the warehouse for what people call files and columns."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence

from ingestion.files.errors import UnreadableFileError

LONGEST_NAME = 100
MARK_CHARACTERS = 8
LONGEST_COLUMN = 60
# Signs that distinguish two headers, such as `VAT %` and `VAT €`.
_SIGNS = {
    "%": "percent", "€": "eur", "$": "usd", "£": "gbp", "¥": "yen", "#": "number", "&": "and",
    "+": "plus", "§": "section", "°": "degrees", "@": "at", "=": "equals", "<": "below",
    ">": "above", "Δ": "delta", "Ø": "average", "∑": "sum", "Σ": "sum", "№": "number",
}  # fmt: skip


def table_name(name: str) -> str:
    """A name in lower case: letters a to z, digits and single underscores between them.

    Accents are dropped. If other letters or digits are lost, because of another script or the
    longest length, the name ends with a part of its hash, so that no two become one. "" if nothing
    is left.
    """
    folded = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    plain = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    lost = any(c.isalnum() and not c.isascii() for c in letters) or len(plain) > LONGEST_NAME
    if not lost:
        return plain
    mark = hashlib.sha256(letters.encode(errors="surrogatepass")).hexdigest()[:MARK_CHARACTERS]
    kept = plain[: LONGEST_NAME - MARK_CHARACTERS - 1].rstrip("_")
    return f"{kept}_{mark}" if kept else f"t_{mark}"


def column_names(
    headers: Sequence[str], known: Mapping[str, str], *, apart: bool = False
) -> dict[int, str]:
    """The column name for each of a file's headers, by its place; no two are the same.

    `known` has the names of the table's existing columns, by `header_keys`: a header keeps its
    column, even in a file without the others. `apart`: a header never takes the column of one that
    is spelled differently, even if the file lacks that one.
    """
    keys = header_keys(headers)
    names = {n: known[key] for n, key in enumerate(keys) if key in known}
    taken = {*known.values()} if apart else {*names.values()}
    for n, header in enumerate(headers):
        if n in names:
            continue
        base = name = column_name(header) or f"column_{n + 1}"
        number = 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        names[n] = name
        taken.add(name)
    return names


def header_keys(headers: Sequence[str]) -> list[str]:
    """Each header as written, numbered where it is repeated."""
    seen: dict[str, int] = {}
    keys = []
    for header in headers:
        seen[header] = seen.get(header, 0) + 1
        keys.append(header if seen[header] == 1 else f"{header} #{seen[header]}")
    return keys


def column_name(header: str) -> str:
    """A header in lower case: letters a to z, digits and underscores; "" if nothing is left.

    Other scripts are transliterated, and signs become words.
    """
    from anyascii import anyascii

    if len(header) > 10_000:
        raise UnreadableFileError(f"a header has {len(header):,} characters; it is no header")
    spelled = "".join(f" {_SIGNS[c]} " if c in _SIGNS else c for c in header.strip())
    latin = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", anyascii(spelled))
    latin = re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", latin)
    plain = re.sub(r"[^a-z0-9]+", "_", latin.lower()).strip("_")
    if len(plain) > LONGEST_COLUMN:
        mark = hashlib.sha256(header.encode(errors="surrogatepass")).hexdigest()[:MARK_CHARACTERS]
        plain = f"{plain[: LONGEST_COLUMN - MARK_CHARACTERS - 1].rstrip('_')}_{mark}"
    if plain and header.startswith("_"):
        return f"_{plain}"
    return f"c_{plain}" if plain[:1].isdigit() else plain

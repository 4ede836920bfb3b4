"""Which raw table a file is named for."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST_NAME = 100
MARK_CHARACTERS = 8


def table_name(name: str) -> str:
    """A name in lower case, of the letters a to z, digits and single underscores between them.

    Accents are dropped. A name that loses letters or digits otherwise, as those of another script
    or beyond the longest name, ends with a part of its hash, so that no two become one. "" if
    nothing is left of it.
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

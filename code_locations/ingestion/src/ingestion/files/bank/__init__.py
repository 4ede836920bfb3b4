"""Bank statements: CAMT.052, 053 and 054, MT940 and OFX, all as rows with the same columns.

- `statement`: the columns, what a file of statements is, and what its balances prove.
- `camt`, `mt940`, `ofx`: one reader each; `text`: decodes bytes and parses amounts.

The library mt-940 isn't used: it reads the amount "100.50" as 100 and the balance "1.000,00" as 1,
and drops what follows a question mark in a purpose. The tests compare with it.
"""

from __future__ import annotations

import re
from pathlib import Path

from ingestion.files.bank import camt, mt940, ofx
from ingestion.files.bank.statement import NAMES, Kind, Statement
from ingestion.files.bank.text import decoded
from ingestion.files.errors import UnreadableFileError

__all__ = ["NAMES", "Kind", "Statement", "is_statement", "read_statement"]

# An XML document takes about eight times its size in memory.
LARGEST_BYTES = 64 << 20

_CAMT = re.compile(r"camt\.05[234]\.|<(?:[\w.-]+:)?BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)\b")
_XML = re.compile(r"\s*<(?:\?xml|!--|(?:[\w.-]+:)?Document\b)")
_OFX = re.compile(
    r"\s*(?:OFXHEADER\s*:|(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:\?OFX\b|OFX[\s>]))",
    re.IGNORECASE | re.DOTALL,
)
_MT940 = re.compile(
    r"^(?:\{.*\{4:)?:20:.*?^:25[A-Z]?:.*?^:(?:28C?|60[FM]):", re.MULTILINE | re.DOTALL
)
_READERS = {"camt": camt.read, "mt940": mt940.read, "ofx": ofx.read}


def is_statement(head: bytes) -> Kind | None:
    """Which kind of statement a file is, from its first bytes (some 4 kB); None if it isn't one."""
    text = decoded(head, cut=True)[0]
    if _OFX.match(text):
        return "ofx"
    if _XML.match(text):
        return "camt" if _CAMT.search(text) else None
    return "mt940" if _MT940.search(text) else None


def read_statement(path: Path, kind: Kind) -> Statement:
    """Every entry of a statement file.

    Raises UnreadableFileError, naming the line or entry, if something is cut off or malformed.
    """
    if (size := path.stat().st_size) > LARGEST_BYTES:
        raise UnreadableFileError(
            f"it has {size:,} bytes, at most {LARGEST_BYTES:,} are read of a statement; "
            "download it for shorter periods"
        )
    return _READERS[kind](path.read_bytes())

"""Which encoding a text file has, with the reason for it.

A byte order mark, else UTF-8 if every byte fits, else the first of the older encodings under which
the words look like words. cp1252 decodes nearly everything, so it needs that reason, too.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ingestion.files.errors import UnreadableFileError

_CHUNK_BYTES = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# In this order where two look equally well.
OLDER = (
    "cp1252", "cp1250", "cp850", "mac_roman", "cp1251", "koi8_r", "cp866", "cp1253", "cp1254",
    "cp932", "gb18030", "euc_kr", "big5",
)  # fmt: skip
_SAMPLE_BYTES = 1 << 18
_LETTERS_THAT_TELL = 3
# Control characters that no text has; \x1a ends files of DOS.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f-\x9f]")
_WORD = re.compile(r"[^\W\d_]+")
# A sign amid letters, as in `£ód`: of another encoding. Ordinals and primes are left out.
_SIGN_IN_WORD = re.compile(
    r"[^\W\d_][\u00b2\u00b3\u201e\u201d\u00a1-\u00a9\u00ac-\u00b1\u00b6\u00b8\u00b9\u00bb-\u00bf\u00d7\u00f7ƒ†‡‰•™][^\W\d_]"
    r"|[£¥¦§¨©¬®¯±¶¼½¾¿÷ƒ†‡‰][^\W\d_]{2}"
)
# Western words have one or two letters with accents in a row, never three.
_RUN = re.compile(r"[À-ÖØ-öø-ÿŒœŠšŽžŸ]{3,}")
# A capital after a small letter, and small on its other side; in Cyrillic and Greek after any small
# one, as in `хБЮМНБ`; and `MŸller`.
_CAPITAL_IN_WORD = re.compile(
    r"[a-zß-öø-ÿ][ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŒŠŽŸ][a-zß-öø-ÿ]"
    r"|[\u0430-\u0451][\u0401-\u042f]|[\u03ac-\u03ce][\u0386-\u03a9]|[^\W\d_]Ÿ"
)
# The letters that a language has beside a to z.
_LANGUAGES = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "äöüß",
        "àâæçéèêëîïôœùûüÿ",
        "áéíóúüñ",
        "àáâãçéêíóôõúü",
        "àèéìíîòóùú",
        "áéëïíóöü",
        "æøåéäö",
        "áðéíóúýþæö",
        "àçèéíïòóúü",
        "áčďéěíňóřšťúůýžäĺľŕô",
        "ąćęłńóśźż",
        "áéíóöőúüű",
        "čćđšž",
        "ăâîșțşţ",
        "çğıöşüâ",
        "āčēģīķļņšūž",
        "ąčęėįšųūž",
        "äõöüšž",
    )
)
_SCRIPTS = (
    re.compile(r"[A-Za-zÀ-ɏ]"), re.compile(r"[Ͱ-Ͽ]"), re.compile(r"[Ѐ-ӿ]"),
    re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"),
)  # fmt: skip
_ODD = re.compile(r"[\ue000-\uf8ff\u2500-\u259f\uff61-\uff9f]")


class Encoding(NamedTuple):
    """A codec's name, and why it is this one."""

    name: str
    reason: str


def find_encoding(path: Path) -> Encoding:
    """The encoding of a text file. Raises UnreadableFileError if it is no text."""
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE_BYTES)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return Encoding(name, "its byte order mark")
    if wide := _without_mark(start):
        return wide
    if _is_utf8(path):
        if b"\0" in start or _CONTROL.search(start.decode("utf-8", "ignore")):
            raise UnreadableFileError("it has control characters, and is no text")
        return Encoding("utf-8", "each of its bytes fits")
    return _older(start, _odd_bytes(path))


def utf8_copy(path: Path, encoding: str, target: Path) -> Path:
    """`path` as UTF-8 without a mark, its line ends as they are; itself if it is that already.

    Raises UnreadableFileError, with the byte, if it isn't in this encoding.
    """
    if encoding in ("utf-8", "ascii"):
        return path
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            while text := source.read(_CHUNK_BYTES):
                out.write(text)
    except UnicodeError as error:
        raise UnreadableFileError(f"it isn't in {encoding}: {error}") from error
    except LookupError as error:
        raise UnreadableFileError(f"{error}; declare another encoding") from error
    return target


def _without_mark(start: bytes) -> Encoding | None:
    """UTF-16 without a mark: every other byte of most characters is zero."""
    pairs = len(start) // 2
    if pairs < 2:
        return None
    for name, zero in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = start[zero : pairs * 2 : 2].count(0)
        others = start[1 - zero : pairs * 2 : 2].count(0)
        if zeros > pairs * 0.7 and others == 0:
            return Encoding(name, "every other byte is zero")
    return None


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _odd_bytes(path: Path) -> bytes:
    """Lines with a byte beyond ASCII, up to a sample's size: what tells encodings apart."""
    found, size = [], 0
    for line in _lines(path):
        if not line.isascii():
            found.append(line[:10_000])
            size += len(found[-1])
            if size > _SAMPLE_BYTES:
                break
    return b"".join(found)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while line := stream.readline(_CHUNK_BYTES):
            yield line


def _older(start: bytes, odd: bytes) -> Encoding:
    looks: list[tuple[int, int, str]] = []
    for name in OLDER:
        try:
            text = odd.decode(name)
        except UnicodeDecodeError:
            continue
        if _CONTROL.search(text) or _CONTROL.search(start.decode(name, "ignore")):
            continue
        looks.append((_oddities(text), _foreign(text), name))
    if not looks:
        raise UnreadableFileError(
            "it has bytes that are no text in UTF-8 or any other encoding that was tried; "
            "declare its encoding, if it has one"
        )
    # Of two that look equally well it is the first: min() takes that.
    fewest, looked, best = min(looks, key=lambda look: look[0] + look[1])
    text = odd.decode(best)
    for oddities, foreign, name in looks:
        windows = name.startswith("cp12") and best.startswith("cp12")
        if windows and name != best and oddities + foreign == fewest + looked:
            differ = {
                pair for pair in zip(text, odd.decode(name), strict=False) if len({*pair}) > 1
            }
            if len(differ) >= _LETTERS_THAT_TELL and all(map(str.isalpha, chain(*differ))):
                raise UnreadableFileError(
                    f"its encoding may be {best} or {name}, which read {len(differ)} of its "
                    "letters in other ways; declare the encoding"
                )
    words = len(_WORD.findall(text))
    if fewest > words // 20:
        raise UnreadableFileError(
            f"its encoding can't be told: the likeliest, {best}, has {fewest} odd words of "
            f"{words}; declare the encoding"
        )
    return Encoding(best, f"it isn't UTF-8, and {words - fewest} of {words} words look right")


def _foreign(text: str) -> int:
    """How many letters with accents are not of the language that has most of them."""
    letters = Counter(c for c in text if "\u00c0" <= c <= "\u024f" and c.isalpha())
    of_one = (sum(n for c, n in letters.items() if c in language) for language in _LANGUAGES)
    return letters.total() - max(of_one)


def _oddities(text: str) -> int:
    """How many things in a text no writer would have written."""
    count = sum(len(p.findall(text)) for p in (_SIGN_IN_WORD, _RUN, _CAPITAL_IN_WORD, _ODD))
    for word in _WORD.findall(text):
        scripts = sum(1 for script in _SCRIPTS if script.search(word))
        count += scripts > 1
    return count

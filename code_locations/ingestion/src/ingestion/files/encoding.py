"""Which encoding a text file has, and why.

A byte order mark decides; else UTF-8 if every byte fits; else the first of the older encodings in
which the words look like words. That includes cp1252, which decodes nearly everything. A file with
only some lines in UTF-8 is damaged or joined from two: an older encoding would decode it, but read
`Köln` as `KÃ¶ln`.
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
# Of two that look equally good, the first is taken.
OLDER = (
    "cp1252", "iso8859_15", "cp1250", "cp850", "mac_roman", "cp1251", "koi8_r", "cp866",
    "cp1253", "cp1254", "cp932", "gb18030", "euc_kr", "big5",
)  # fmt: skip
# In these, whole lines may be valid UTF-8 by chance.
_UTF8_BY_CHANCE = {"cp866", "cp932", "gb18030", "euc_kr", "big5"}
_SAMPLE_BYTES = 1 << 18
_LETTERS_THAT_TELL = 3
# Control characters that no text contains; \x1a ends files of DOS.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f-\x9f]")
_WORD = re.compile(r"[^\W\d_]+")
# A sign amid letters, as in `£ód`, betrays a wrong encoding. Ordinals and primes are exempt.
_SIGN_IN_WORD = re.compile(
    r"[^\W\d_][\u00b2\u00b3\u201e\u201d\u00a1-\u00a9\u00ac-\u00b1\u00b6\u00b8\u00b9\u00bb-\u00bf\u00d7\u00f7ƒ†‡‰•™][^\W\d_]"
    r"|[£¥¦§¨©¬®¯±¶¼½¾¿÷ƒ†‡‰][^\W\d_]{2}"
)
# Western words have one or two accented letters in a row, never three.
_RUN = re.compile(r"[À-ÖØ-öø-ÿŒœŠšŽžŸ]{3,}")
# A capital between small letters; in Cyrillic and Greek after any small letter, as in `хБЮМНБ`;
# and `MŸller`.
_CAPITAL_IN_WORD = re.compile(
    r"[a-zß-öø-ÿ][ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŒŠŽŸ][a-zß-öø-ÿ]"
    r"|[\u0430-\u0451][\u0401-\u042f]|[\u03ac-\u03ce][\u0386-\u03a9]|[^\W\d_]Ÿ"
)
# The letters that a language has besides a to z.
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
# Letters and signs that people write, of those that take two bytes or more in UTF-8.
_LIKELY = re.compile(
    r"[À-ɏ\u0370-\u03ff\u0400-\u04ff\u2010-\u203a\u20ac\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
# Nobody writes \u00a4: it is where later encodings have the euro.
_ODD = re.compile(r"[\u00a4\ue000-\uf8ff\u2500-\u259f\uff61-\uff9f]")


class Encoding(NamedTuple):
    """A codec's name, and why it was chosen."""

    name: str
    reason: str


def find_encoding(path: Path) -> Encoding:
    """The encoding of a text file. Raises UnreadableFileError if it isn't text."""
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
    odd = _OddLines(path)
    if odd.utf8 >= odd.others:
        raise odd.refusal()
    found = _older(start, odd.sample)
    if odd.utf8 and found.name not in _UTF8_BY_CHANCE:
        raise odd.refusal()
    return found


def utf8_copy(path: Path, encoding: str, target: Path) -> Path:
    """`path` as UTF-8 without a BOM, line ends unchanged; `path` itself if it is that already.

    Raises UnreadableFileError, naming the byte, if the file isn't in this encoding.
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
    """UTF-16 without a BOM: every other byte of most characters is zero."""
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


class _OddLines:
    """The lines with non-ASCII bytes: how many are UTF-8, and how many aren't.

    `sample` has some of them, to tell older encodings apart.
    """

    def __init__(self, path: Path) -> None:
        self.sample = b""
        self.utf8 = self.others = 0
        self._first_other = 0
        found, size = [], 0
        for number, line in enumerate(_lines(path), 1):
            if line.isascii():
                continue
            if size <= _SAMPLE_BYTES:
                found.append(line[:10_000])
                size += len(found[-1])
            try:
                self.utf8 += _is_likely(line.decode())
            except UnicodeDecodeError:
                self.others += 1
                self._first_other = self._first_other or number
        self.sample = b"".join(found)

    def refusal(self) -> UnreadableFileError:
        """The error that no single encoding reads the file, with the line where it changes."""
        lines = f"{self.utf8} line{'s are' if self.utf8 > 1 else ' is'}"
        return UnreadableFileError(
            f"it mixes encodings: {lines} UTF-8, but line {self._first_other} can't be; save it in "
            "one, or declare the encoding"
        )


def _is_likely(text: str) -> bool:
    """Whether a line is UTF-8 by more than chance, unlike `MENÜ“` in cp1252."""
    return bool(_LIKELY.search(text)) or sum(not letter.isascii() for letter in text) > 2


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
    # min() takes the first of two that look equally good.
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
    """How many accented letters don't belong to the language that has most of them."""
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

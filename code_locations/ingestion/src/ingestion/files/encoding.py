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
from pathlib import Path
from string import ascii_letters
from typing import NamedTuple

from ingestion.files.errors import UnreadableFileError
from ingestion.files.letters import COMMON, WORD, foreign, ideographs, oddities

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
    "cp1252", "iso8859_15", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "iso8859_2", "cp850", "mac_roman", "koi8_r", "koi8_u", "cp866", "cp874", "cp932", "cp949",
    "euc_jp", "gb18030", "big5",
)  # fmt: skip
# In these, whole lines may be valid UTF-8 by chance.
_UTF8_BY_CHANCE = {"cp866", "cp874", *COMMON}
_SAMPLE_BYTES = 1 << 18
_LETTERS_BYTES = 1 << 16
_LETTERS_THAT_TELL = 3
_FEW_AMONG = 4
# Letters of foreign names are one in so many, and each is there only a few times.
_FEW_IN_NAMES = 10
_TIMES_IN_NAMES = 2
# Of that many, some would be rare in a wrong encoding.
_IDEOGRAPHS_THAT_TELL = 8
# One of so many ideographs may be rare, as in names.
_RARE_AMONG = 8
# Control characters that no text contains; \x1a ends files of DOS.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f-\x9f]")
# Letters and signs that people write, of those that take two bytes or more in UTF-8.
_LIKELY = re.compile(
    r"[À-ɏ\u0370-\u03ff\u0400-\u04ff\u2010-\u203a\u20ac\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)


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
        text = start.decode("utf-8", "ignore")
        if sign := _CONTROL.search(text):
            line = text.count("\n", 0, sign.start()) + 1
            raise UnreadableFileError(
                f"it has control characters, and is no text: \\x{ord(sign[0]):02x} in line {line}"
            )
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
            if size <= _LETTERS_BYTES:
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
        looks.append((oddities(text, name), foreign(text), name))
    if not looks:
        raise UnreadableFileError(
            "it has bytes that are no text in UTF-8 or any other encoding that was tried; "
            "declare its encoding, if it has one"
        )
    # min() takes the first of two that look equally good.
    fewest, looked, best = min(looks, key=lambda look: look[0] + look[1])
    usual = next((look for look in looks if look[2] == OLDER[0]), None)
    if usual and fewest + looked and _differ_in_names(odd.decode(best), odd.decode(OLDER[0])):
        fewest, looked, best = usual
    text = odd.decode(best)
    words = len(WORD.findall(text))
    allowed = len(ideographs(text)) // _RARE_AMONG if best in COMMON else 0
    if fewest > max(words // 20, allowed):
        raise UnreadableFileError(
            f"its encoding can't be told: the likeliest, {best}, has {fewest} odd words of "
            f"{words}; declare the encoding"
        )
    for oddities_, foreign_, name in looks:
        if name != best and oddities_ + foreign_ == fewest + looked:
            _require_alike(text, best, odd.decode(name), name)
    return Encoding(best, f"it isn't UTF-8, and {words - fewest} of {words} words look right")


def _differ_in_names(text: str, usual: str) -> bool:
    """Whether two readings differ in so few letters that these are of foreign names."""
    pairs = Counter(pair for pair in zip(text, usual, strict=False) if len({*pair}) > 1)
    return pairs.total() <= min(_TIMES_IN_NAMES * len(pairs), _special(text) // _FEW_IN_NAMES)


def _special(text: str) -> int:
    return sum(letter.isalpha() and not letter.isascii() for letter in text)


def _require_alike(text: str, best: str, other: str, name: str) -> None:
    """Refuse two readings that look equally good, and differ in more than a few letters."""
    if best in COMMON or name in COMMON:
        differ = len({*filter(str.isalpha, text)} - {*ascii_letters})
        if best in COMMON and name in COMMON and differ >= _IDEOGRAPHS_THAT_TELL:
            differ = 0  # the characters in common use of the first are few of those of the other
    else:
        pairs = [pair for pair in zip(text, other, strict=False) if len({*pair}) > 1]
        pairs = [pair for pair in pairs if all(map(str.isalpha, pair))]
        few = len(pairs) * _FEW_AMONG < _special(text)  # those of foreign names
        differ = 0 if few else len({*pairs})
    if differ >= (1 if best in COMMON else _LETTERS_THAT_TELL):
        raise UnreadableFileError(
            f"its encoding may be {best} or {name}, which read {differ} of its letters in other "
            "ways; declare the encoding"
        )

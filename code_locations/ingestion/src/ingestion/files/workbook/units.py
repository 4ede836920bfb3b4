"""What a cell shows beside its number, according to the number's format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ingestion.files.currencies import SIGN_WORDS, SIGNS, one_unit

_LOCALE = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")  # [$€-407]
_APART = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[[^\]]*\]')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_WORDS = re.compile(rf"[{SIGNS}]|\b(?:{SIGN_WORDS})(?![A-Za-z])")
_SIGNS = re.compile(f"[{SIGNS}]")
_DAYS_AND_TIMES = re.compile(r"[dmyhs]", re.IGNORECASE)
_ZEROS = re.compile("0{2,}")
# Formats whose code is in no file. 5 to 8, 42 and 44 use the currency of whoever opens it.
_PERCENT = {9, 10}
_OF_THE_READER = {5, 6, 7, 8, 42, 44}
_DAYS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_DURATION = 46


class Shown(NamedTuple):
    """What a format shows of a number.

    `unit` is a currency or `%`, "" for none, None for days and times or if unknown. A duration
    continues beyond 24 hours. `zeros` is the least number of digits shown, as in the post code
    01067. With `seems_day`, it is a number that calamine returns as a day: the file gives a code to
    an id that is a day's in most files, as Gnumeric does.
    """

    unit: str | None = ""
    is_day: bool = False
    is_duration: bool = False
    zeros: int = 0
    seems_day: bool = False


def shown_by(format_id: int, codes: Mapping[int, str]) -> Shown:
    """What a format of a workbook shows; `codes` are the file's own, by id."""
    if format_id in codes:
        shown = _by_code(codes[format_id].partition(";")[0])
        return shown._replace(seems_day=format_id in _DAYS and not shown.is_day)
    if format_id in _DAYS:
        return Shown(None, is_day=True, is_duration=format_id == _DURATION)
    return Shown(None if format_id in _OF_THE_READER else "%" if format_id in _PERCENT else "")


def _by_code(code: str) -> Shown:
    if _ZEROS.fullmatch(code):
        return Shown(zeros=len(code))
    named = _LOCALE.sub(lambda found: f'"{found[1]}"', code)
    words = "".join(quoted or escaped for quoted, escaped in _APART.findall(named))
    bare = _APART.sub("", named)
    if found := _WORDS.search(words) or _SIGNS.search(bare):
        return Shown(one_unit(found[0]))
    is_duration = bool(_ELAPSED.search(code))
    is_day = is_duration or bool(_DAYS_AND_TIMES.search(bare))
    return Shown(None if is_day else "", is_day=is_day, is_duration=is_duration)

"""What looks like numbers but isn't: ids, phone numbers, days without a year, versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_BLANKS = " \u00a0\u202f"
# `CAD-1001` may be a drawing rather than Canadian dollars.
_CODED = re.compile(r"(?:[A-Z]{3}|TL)-?\d+")
# A list's or a note's number, unless other numbers are without brackets.
_BRACKETED = re.compile(r"\(\d+\)")
_AMOUNT = re.compile(r"[.,]\d{1,5}(?!\d)")
# With this many different amounts, all having cents from 01 to 12 is no coincidence.
_FEW_DAYS = 4
_DAY_AND_MONTH = re.compile(r"(?:[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2])")
_MONTH_AND_YEAR = re.compile(r"(?:[1-9]|1[0-2])\.20\d\d|20\d\d\.(?:0[1-9]|1[0-2])")
_PLAIN = re.compile(r"\d+\.\d*[1-9]0*")
_NUMBERING = re.compile(r"\d{1,3}(\.\d{1,3})?")
# What a column is called whose 1.1 and 1.10 differ.
_NUMBERED = re.compile(
    r"version$|\b(versions?|release|revision|kapitel|chapter|sections?|abschnitt|clause|ziffer"
    r"|paragraph|gliederung|wbs)\b|\b(no|nr|pos)\.?$",
    re.IGNORECASE,
)
# What a column is called whose values are names made of digits: 176 123 456, 110 001, 2026.001.
_NAMED = re.compile(
    r"(^|[\W_])(ids?|no|nr|number|n[°º]|n[uú]m[eé]ro|code|sku|ean|refs?|reference|referenz"
    r"|(tele)?phone|tel|t[eé]l[eé]phone|mobile?|handy|fax|zip|plz|cep|pin|post ?code|siret|siren)"
    r"\.?$|(nummer|nr\.?|telefon)$",
    re.IGNORECASE,
)
_GROUPS = re.compile(rf"\d{{1,3}}(?:([.{_BLANKS}])\d{{3}})(?:\1\d{{3}})+")


def are_codes(texts: Sequence[str], header: str = "") -> bool:
    """Whether texts that look like numbers are, or may be, something else.

    They are in the order of the file, below `header`.
    """
    return (
        all(map(_CODED.fullmatch, texts))
        or all(map(_BRACKETED.fullmatch, texts))
        or bool(_NAMED.search(header.strip()))
        or _ids(texts)
        or _telephones(texts)
        or _like_days(texts)
        or _numbering(texts, header)
    )


def _telephones(texts: Sequence[str]) -> bool:
    """Whether the texts are +49301234567 or +49.301234567 rather than amounts with a plus."""
    return any("+" in text for text in texts) and not any(map(_AMOUNT.search, texts))


def _ids(texts: Sequence[str]) -> bool:
    """Whether texts are whole numbers in groups, all equally long, like ids and phone numbers.

    `732 829 320` is a company, `12.345.678` a person. Amounts would differ in length or be round.
    """
    return (
        all(_GROUPS.fullmatch(text) for text in texts)
        and len({len(text) for text in texts}) == 1
        and 2 * sum(text.endswith("00") for text in texts) < len(texts)
    )


def _like_days(texts: Sequence[str]) -> bool:
    """Whether all texts may be partial dates: 24.12, 10.2026, 2026.10."""
    different = len({*texts})
    return (different >= _FEW_DAYS and all(map(_DAY_AND_MONTH.fullmatch, texts))) or (
        different > 1 and all(map(_MONTH_AND_YEAR.fullmatch, texts))
    )


def _numbering(texts: Sequence[str], header: str) -> bool:
    """Whether texts number sections or versions: 1.1 and 1.10 are equal as numbers.

    The header says so, or 1.10 comes after 1.9.
    """
    if not any(map(_PLAIN.fullmatch, texts)):
        return False
    named = _NUMBERED.search(header.strip()) and all(map(_NUMBERING.fullmatch, texts))
    return bool(named) or any(_after_nine(*pair) for pair in pairwise(texts))


def _after_nine(one: str, other: str) -> bool:
    """Whether texts are 1.9 and 1.10, in either order."""
    earlier, later = sorted((one, other), key=len)
    whole = earlier.removesuffix(".9")
    return whole != earlier and later == f"{whole}.10"

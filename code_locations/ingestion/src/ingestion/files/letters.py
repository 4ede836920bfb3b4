"""Whether a text, decoded by some encoding, is one that people wrote.

What a wrong encoding makes of a text is told by what no language has: signs and capitals within
words, two scripts in a word, letters where they can't stand, ideographs that hardly anybody uses.
"""

# ruff: noqa: RUF001 letters of other scripts

from __future__ import annotations

import re
from collections import Counter

WORD = re.compile(r"[^\W\d_]+")
# A sign amid letters, as in `£ód`, betrays a wrong encoding; so do dashes amid small letters.
_SIGN_IN_WORD = re.compile(
    r"[^\W\d_][\u00b2\u00b3\u201e\u201d\u00a1-\u00af\u00b0\u00b1\u00b6\u00b8-\u00bf\u00d7\u00f7ƒˆ˜†‡‰•‘‹›™˘-˝ˇ]+[^\W\d_]"
    r"|(?<![^\W\d_])(?:[£¥¦§¨©ª¬®¯±¶¼½¾÷ƒ†‡‰]|¿(?![^?\n;,\t]*\?))[^\W\d_]{2}|[a-zß-ÿ][–—][a-zß-ÿ]"
    r"|[^\W\d_][‚№¡]|[^\W\d_]“[a-z]|µ[a-z]{4}|€[^\W\d_A-Z]{2}|›[^\W\d_]+(?![\w‹])"
)
# Beside a sign or an accented letter, these are what another encoding has for letters.
_SIGN = r"[¡-©¬-±´¶¸¹¼-¿×÷ƒˆ˜†‡•‰‹›™˘-˝ˇ∏∑∫∂∆◊ﬁﬂ⁄√∞≈≠≤≥Ω]"
_BESIDE = r"[\u00a1-\u04ff\u2020-\u2022\u2030-\u22ff]"
_SIGNS = re.compile(f"{_SIGN}(?={_BESIDE})|(?<={_BESIDE}){_SIGN}")
# Western words have one or two accented letters in a row; only Icelandic has three, as `þýð`.
_RUN = re.compile(r"[À-ÖØ-öø-ÿŒœŠšŽžŸ]{3,}")
_ICELANDIC = frozenset("áðéíóúýþæöÁÐÉÍÓÚÝÞÆÖ")
# Nobody writes \u00a4: it is where later encodings have the euro.
_ODD = re.compile(r"[\u00a4\ue000-\uf8ff\u2500-\u259f]")
_CONSONANT = "[bcčdďfghjklmnňpqrsšstťvwxzž]"
# Letters where their languages don't have them: beside a vowel, at an end of a word, on no letter.
_MISPLACED = re.compile(
    rf"(?i:ñ(?=[bcdfghjklmpqrstvwxz])|ã(?=[bcdfghjklmpqrtvwxz])|è(?=[aeiou])|[aeiouy][ůě]"
    r"|[bcdjnpz]ã(?!\w)|[sjlmnf]ř(?=[bcdfghjklmnpqrstvz])"
    rf"|(?<!{_CONSONANT})[ŕĺ]|[ŕĺ](?!{_CONSONANT})|(?<![^\W\d_])[ъь]|[аеёиоуыэюя][ъь])"
    r"|ς(?=[^\W\d_])|ΰ|[ךםןףץ](?=[א-ת])|[ةى](?=[ء-ي])"
    r"|(?<![ء-\u0652])[\u064b-\u0652]|(?<![\u05b0-\u05c2א-ת])[\u05b0-\u05c2]"
    r"|(?<![\u0e01-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]|[\u0e40-\u0e44](?![\u0e01-\u0e2e])"
    r"|[\u0e01-\u0e4e][\u0e4f-\u0e5b]|[\u0e4f-\u0e5b][\u0e01-\u0e4e]|[ฃฅฦ]"
    r"|(?<![\uff61-\uff9f])[\uff61-\uff9f]{1,2}(?![\uff61-\uff9f)])"
)
_ACCENTED_GREEK = re.compile(r"[άέήίόύώΆΈΉΊΌΎΏ]")
# In `трг` and `прст`, the r is one.
_CYRILLIC_VOWEL = re.compile(r"[аеёиоуыэюяіїєўѣъј]|\Bр\B", re.IGNORECASE)
_CYRILLIC_WORD = re.compile(r"[а-яѐ-џ]{3,}|[А-ЯЀ-Џ]{5,}|[А-ЯЀ-Џ][а-яѐ-џ]{2,}")
_CYRILLIC_SHORT = frozenset({"грн", "млн", "стр", "смс"})
_SCRIPTS = (
    re.compile(r"[A-Za-zÀ-ɏ]"), re.compile(r"[Ͱ-Ͽ]"), re.compile(r"[Ѐ-ӿ]"),
    re.compile(r"[\u0590-\u05ff]"), re.compile(r"[\u0600-\u06ff]"), re.compile(r"[\u0e00-\u0e7f]"),
    re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"), re.compile(r"[\uac00-\ud7af]"),
)  # fmt: skip
# `ATM手数料`, `소프트웨어A`: ASCII on one side.
_WITH_ASCII = re.compile(
    r"[A-Za-z]+[\u3040-\u9fff\uac00-\ud7af]+|[\u3040-\u9fff\uac00-\ud7af]+[A-Za-z]+"
)
_IDEOGRAPH = re.compile(r"[\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
# The first bytes of the characters in common use; the second byte is at least this.
COMMON = {
    "cp932": (0x88, 0x98, 0x40), "euc_jp": (0xB0, 0xCF, 0xA1), "gb18030": (0xB0, 0xD7, 0xA1),
    "cp949": (0xB0, 0xC8, 0xA1), "big5": (0xA4, 0xC6, 0x40),
}  # fmt: skip
# The letters that a language has besides those of English, or of Bulgarian.
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
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "ąćęłńóśźż",
        "áéíóöőúüű",
        "čćđšž",
        "ăâîșțşţ",
        "çğıİöşüâî",
        "āčēģīķļņšūž",
        "ąčęėįšųūž",
        "äõöüšž",
    )
)
_CYRILLIC = tuple(
    frozenset(letters + letters.upper()) for letters in ("ё", "ґєії", "іўё", "ђјљњћџ", "ѓѕјљњќџ")
)


def foreign(text: str) -> int:
    """How many special letters don't belong to the language that has most of them."""
    letters = Counter(text)
    return sum(
        special.total() - max(sum(n for c, n in special.items() if c in of) for of in languages)
        for special, languages in (
            (_between(letters, "\u00c0", "\u024f"), _LANGUAGES),
            (
                _between(letters, "\u0400", "\u040f") + _between(letters, "\u0450", "\u04ff"),
                _CYRILLIC,
            ),
        )
    )


def _between(letters: Counter[str], first: str, last: str) -> Counter[str]:
    return Counter({c: n for c, n in letters.items() if first <= c <= last and c.isalpha()})


def oddities(text: str, codec: str) -> int:
    """How many things in a text, decoded by a codec, no writer would have written."""
    patterns = (_SIGN_IN_WORD, _SIGNS, _ODD, _MISPLACED)
    count = sum(len(pattern.findall(text)) for pattern in patterns)
    count += sum(not _ICELANDIC.issuperset(run) for run in _RUN.findall(text))
    count += _rare(text, codec)
    for word, times in Counter(WORD.findall(text)).items():
        if not word.isascii():
            count += times * _is_odd(word)
    return count


def _is_odd(word: str) -> bool:
    if sum(1 for script in _SCRIPTS if script.search(word)) > 1:
        return not _WITH_ASCII.fullmatch(word)
    if _has_capital_inside(word):
        return True
    if len(_ACCENTED_GREEK.findall(word)) > 1:
        return True
    return (
        bool(_CYRILLIC_WORD.fullmatch(word))
        and not _CYRILLIC_VOWEL.search(word)
        and word.lower() not in _CYRILLIC_SHORT
    )


def _has_capital_inside(word: str) -> bool:
    """Whether an accented or foreign capital stands after a small letter, or as in `GÖteborg`."""
    return any(
        not capital.isascii()
        and capital.isupper()
        and (before.islower() or capital == "Ÿ" or (before.isascii() and after.islower()))
        for before, capital, after in zip(word, word[1:], f"{word[2:]} ", strict=False)
    )


def _rare(text: str, codec: str) -> int:
    """How many ideographs are rare, and how many kana there are outside of Japanese."""
    if codec not in COMMON:
        return 0
    first, last, second = COMMON[codec]
    count = 0
    for sign, times in Counter(_IDEOGRAPH.findall(text)).items():
        raw = sign.encode(codec)
        count += times * (len(raw) != 2 or not first <= raw[0] <= last or raw[1] < second)
    if codec in ("gb18030", "cp949", "big5"):
        count += len(_KANA.findall(text))
    return count


def ideographs(text: str) -> list[str]:
    """The ideographs of a text."""
    return _IDEOGRAPH.findall(text)
